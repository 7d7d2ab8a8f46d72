package io.queztl.vmm.bootdisk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.queztl.testkit.random.Seeds;
import io.queztl.vmm.disk.DiskFormatException;
import java.io.IOException;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Scripts of the kinds that distributions have. */
class GrubMenuTest {
    private static final String MENU =
            """
            menuentry 'One' --class os $menuentry_id_option 'id-one' {
            \tload_video
            \tif [ x$grub_platform = xxen ]; then insmod xzio; insmod lzopio; fi
            \tsearch --no-floppy --fs-uuid --set=root 1234
            \techo 'Loading ...'
            \tlinux /boot/vmlinuz-1 root=PARTUUID=12 ro  console=ttyS0,115200
            \tinitrd /boot/initrd.img-1
            }
            submenu "More options" $menuentry_id_option 'id-more' {
                menuentry 'Two' --id id-two {
                    linux ($root)/boot/vmlinuz-2 root=${where} "quoted text"
                    initrd /boot/early.img /boot/initrd.img-2
                }
                menuentry 'Three' { linux16 /boot/vmlinuz-3 single; }
            }
            menuentry 'Memory test' { linux16 /memtest }
            menuentry 'Firmware' { fwsetup }
            """;

    private static final String HEADER =
            """
            # A comment; with 'an odd quotation mark
            if [ -s $prefix/grubenv ]; then
              set have_grubenv=true
              load_env
            fi
            if [ "${next_entry}" ] ; then
               set default="${next_entry}"
            else
               set default="${saved_entry}"
            fi
            if [ x"${feature_menuentry_id}" = xy ]; then
              menuentry_id_option="--id"
            else
              menuentry_id_option=""
            fi
            export menuentry_id_option
            function load_video {
              if [ x$feature_all_video_module = xy ]; then
                insmod all_video
              else
                insmod efi_gop
              fi
            }
            for device in a b; do echo $device; done
            where="UUID=7"
            """;

    private static List<InstalledKernel> find(FilesOfMap files) throws IOException {
        return GrubMenu.find(new Volume(null, "ext4", files, ""), files, "/boot/grub");
    }

    private static FilesOfMap script(String text) {
        return new FilesOfMap().with("boot/grub/grub.cfg", text);
    }

    @Test
    void firstEntry_isTheDefault() throws Exception {
        List<InstalledKernel> found = find(script(HEADER + MENU));
        assertThat(found)
                .extracting(InstalledKernel::title)
                .containsExactly("One", "Two", "Three", "Memory test");
        InstalledKernel one = found.getFirst();
        assertThat(one.kernel()).isEqualTo("/boot/vmlinuz-1");
        assertThat(one.initrds()).containsExactly("/boot/initrd.img-1");
        assertThat(one.options()).isEqualTo("root=PARTUUID=12 ro console=ttyS0,115200");
        assertThat(one.source()).isEqualTo("/boot/grub/grub.cfg");
        InstalledKernel two = found.get(1);
        assertThat(two.kernel()).isEqualTo("/boot/vmlinuz-2");
        assertThat(two.options()).isEqualTo("root=UUID=7 quoted text");
        assertThat(two.initrds()).containsExactly("/boot/early.img", "/boot/initrd.img-2");
    }

    @Test
    void defaultIsANumberATitleOrAnId_alsoOfASubmenu() throws Exception {
        for (String wanted :
                List.of("id-more>id-two", "1>0", "More options>Two", "id-more", "More options>7")) {
            FilesOfMap files =
                    script(HEADER + MENU)
                            .with(
                                    "boot/grub/grubenv",
                                    "# GRUB Environment Block\nsaved_entry=" + wanted + "\n####");
            assertThat(find(files).getFirst().title()).as(wanted).isEqualTo("Two");
        }
        assertThat(
                        find(script("set default=1>1\n" + HEADER.replace("default", "x") + MENU))
                                .getFirst()
                                .title())
                .isEqualTo("Three");
        assertThat(find(script(HEADER + "default=none\n" + MENU)).getFirst().title())
                .isEqualTo("One");
    }

    @Test
    void conditionsFunctionsAndSources_areRun() throws Exception {
        FilesOfMap files =
                script(
                                """
                                function add { arguments="$arguments $1"; }
                                if [ 1 = 2 -o ! -f /boot/none ]; then add or; fi
                                if [ 1 = 1 -a -z "$nothing" ]; then add and; fi
                                if [ 10 -gt 9 ]; then add number; elif true; then add no; fi
                                if [ "" ]; then add no; elif [ -e ($root)/boot/grub ]; then add folder; fi
                                if ! false; then add not; fi
                                if loadfont unicode; then add no; else add font; fi
                                source $prefix/custom.cfg
                                """)
                        .with(
                                "boot/grub/custom.cfg",
                                "menuentry x {\nlinux /k$nothing $arguments \\\n  more # rest\n}");
        assertThat(find(files).getFirst().options())
                .isEqualTo("or and number folder not font more");
        assertThat(find(files).getFirst().kernel()).isEqualTo("/k");
    }

    @Test
    void endlessScripts_areRefused() {
        for (String text :
                List.of(
                        "function f { f; }\nf",
                        "function f { g; g; }\nfunction g { h; h; h; h; h; h; h; h }\n"
                                + "function h { ".concat("true; ".repeat(500))
                                + "}\n"
                                + "f; f; f; f; f; f",
                        "source /boot/grub/grub.cfg",
                        "set a=aaaaaaaaaaaaaaaa\n" + "set a=$a$a\n".repeat(60),
                        "menuentry x {",
                        "if true; then",
                        "echo 'x",
                        "{ ".repeat(100),
                        "if true; then ".repeat(100) + "fi; ".repeat(100),
                        "menuentry x { linux /k }\n".repeat(1000))) {
            assertThatThrownBy(() -> find(script(text)))
                    .as(text.substring(0, Math.min(40, text.length())))
                    .isInstanceOf(DiskFormatException.class)
                    .hasMessageStartingWith("/boot/grub/grub.cfg is not understood: ");
        }
    }

    @Test
    void anyScript_isRunOrRefused() throws Exception {
        Random random = new Random(Seeds.seed("GrubMenuTest"));
        String whole = HEADER + MENU;
        String[] pieces = whole.split("(?<=[ \n{}'\"$;])");
        for (int i = 0; i < (Seeds.all() ? 200_000 : 3_000); i++) {
            StringBuilder text = new StringBuilder();
            for (int k = 0; k < pieces.length; k++) {
                int what = random.nextInt(60);
                text.append(
                        what == 0
                                ? ""
                                : what == 1 ? pieces[random.nextInt(pieces.length)] : pieces[k]);
            }
            try {
                assertThat(find(script(text.toString()))).hasSizeLessThan(600);
            } catch (DiskFormatException e) {
                assertThat(e).hasMessageContaining("is not understood");
            }
        }
    }

    @Test
    void loaderEntries_areOrderedAndChosen() throws Exception {
        FilesOfMap files =
                new FilesOfMap()
                        .with(
                                "loader/entries/id-6.9.1.conf",
                                "title Fedora (6.9.1)\nversion 6.9.1\nlinux /vmlinuz-6.9.1\n"
                                        + "initrd /initramfs-6.9.1.img $tuned_initrd\n"
                                        + "options root=UUID=1 ro $kernelopts\noptions more\n")
                        .with(
                                "loader/entries/id-6.10.0.conf",
                                "# comment\ntitle\tFedora (6.10)\nversion 6.10.0\nlinux /vmlinuz-6.10.0\n")
                        .with("loader/entries/other.conf", "title EFI\nefi /x.efi\n")
                        .with(
                                "loader/entries/arm.conf",
                                "title ARM\narchitecture aa64\nlinux /vmlinuz-9\n");
        Volume volume = new Volume(null, "ext4", files, "");
        List<InstalledKernel> found = LoaderEntries.find(volume, files);
        assertThat(found)
                .extracting(InstalledKernel::kernel)
                .containsExactly("/vmlinuz-6.10.0", "/vmlinuz-6.9.1");
        FilesOfMap ignored =
                files.with("grub2/grubenv", "saved_entry=id-6.9.1\nkernelopts=quiet rhgb\n");
        InstalledKernel chosen = LoaderEntries.find(volume, files).getFirst();
        assertThat(chosen.kernel()).isEqualTo("/vmlinuz-6.9.1");
        assertThat(chosen.options()).isEqualTo("root=UUID=1 ro quiet rhgb more");
        assertThat(chosen.initrds()).containsExactly("/initramfs-6.9.1.img");
        assertThat(chosen.source()).isEqualTo("/loader/entries/id-6.9.1.conf");
    }

    @Test
    void kernelsByName_areOrderedByVersion() throws Exception {
        FilesOfMap files =
                new FilesOfMap()
                        .with("etc/fstab", "")
                        .with("boot/vmlinuz-6.1.0-9-amd64", "a")
                        .with("boot/initrd.img-6.1.0-9-amd64", "a")
                        .with("boot/vmlinuz-6.1.0-30-amd64", "b")
                        .with("boot/vmlinuz-6.1.0~rc1-30-amd64", "c");
        Volume volume = new Volume(null, "ext4", files, "");
        List<InstalledKernel> found = NewestKernel.find(volume, files, List.of(volume));
        assertThat(found)
                .extracting(InstalledKernel::title)
                .containsExactly(
                        "vmlinuz-6.1.0-30-amd64",
                        "vmlinuz-6.1.0-9-amd64",
                        "vmlinuz-6.1.0~rc1-30-amd64");
        assertThat(found.get(1).initrds()).containsExactly("/boot/initrd.img-6.1.0-9-amd64");
        assertThat(found.getFirst().options()).isEqualTo("root=/dev/vda ro");
    }
}
