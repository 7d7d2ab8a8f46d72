"""Objects, dictionaries, strings, big and small integers; the argument is how much."""

import re
import sys


class Account:
    def __init__(self, name):
        self.name = name
        self.balance = 0

    def pay(self, amount):
        self.balance += amount
        return self.balance


def primes(limit):
    sieve = bytearray([1]) * limit
    for i in range(2, int(limit**0.5) + 1):
        if sieve[i]:
            sieve[i * i :: i] = bytes(len(range(i * i, limit, i)))
    return sum(sieve[2:])


def queens(n, row=0, columns=0, left=0, right=0):
    if row == n:
        return 1
    found = 0
    free = ~(columns | left | right) & ((1 << n) - 1)
    while free:
        bit = free & -free
        free -= bit
        found += queens(n, row + 1, columns | bit, (left | bit) << 1, (right | bit) >> 1)
    return found


def words(text):
    counts = {}
    for word in re.findall(r"[a-z_]+", text.lower()):
        counts[word] = counts.get(word, 0) + 1
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:5]


def main():
    rounds = int(sys.argv[1])
    with open("/data/text", encoding="latin-1") as f:
        text = f.read(60000)
    for n in range(rounds):
        accounts = {name: Account(name) for name in map(str, range(200))}
        for i in range(6000):
            accounts[str(i * 7919 % 200)].pay(i ^ n)
        big = 1
        for i in range(1, 300):
            big *= i
        print(
            primes(20000),
            queens(6),
            sum(a.balance for a in accounts.values()),
            sum(map(int, str(big))),
            sum(x * 0.5 for x in range(3000)),
            words(text[n * 1000 :][:30000]),
        )


main()
