# Regular expressions, hashes, sorting and string building; the argument is how much.
use strict;
use warnings;

open(my $file, '<', '/data/text') or die "/data/text: $!\n";
read($file, my $text, 60000);
for my $n (1 .. $ARGV[0]) {
    my (%count, $hits, $joined);
    $count{lc $1}++ while $text =~ /\b([A-Za-z_]{2,})\b/g;
    my @common = sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count;
    $hits++ while $text =~ /(\w+)\s*=\s*(\w+)\(/g;
    $joined = join ',', map { scalar reverse } @common[0 .. 50];
    (my $changed = $text) =~ s/self\.(\w+)/this->$1/g;
    my $sum = 0;
    for my $i (1 .. 8000) {
        $sum = ($sum * 33 + ord(substr $changed, $i * 7, 1) + $n) % 1000003;
    }
    print "$hits $sum ", length $changed, " $joined\n";
}
