/*
 * A test kernel as a Multiboot 0.6.96 ELF32 file: prints what the boot loader passed on COM1 and
 * leaves by isa-debug-exit.
 */
        .set    MAGIC, 0x1badb002
        .set    WANT_MEMORY, 2
        .set    LOADED_BY_MULTIBOOT, 0x2badb002
        .set    COM1, 0x3f8
        .set    DEBUG_EXIT, 0xf4

        .text
        .long   MAGIC, WANT_MEMORY, -(MAGIC + WANT_MEMORY)
        .globl  _start
_start: cmpl    $LOADED_BY_MULTIBOOT, %eax
        jne     fail
        movl    $greeting, %esi
        call    print
        movl    16(%ebx), %esi          /* the command line */
        call    print
        movl    20(%ebx), %ecx          /* number of modules */
        jecxz   done
        movl    24(%ebx), %edi          /* the first module: start, end, string */
        movl    (%edi), %esi
        movl    4(%edi), %ecx
        subl    %esi, %ecx
        movw    $COM1, %dx
        rep     outsb
done:   movb    zero, %al               /* in .bss, which the loader clears */
        addb    $21, %al
        outb    %al, $DEBUG_EXIT
fail:   hlt
        jmp     fail

print:  movw    $COM1, %dx
1:      lodsb
        testb   %al, %al
        jz      2f
        outb    %al, %dx
        jmp     1b
2:      movb    $'\n', %al
        outb    %al, %dx
        ret

        .section .rodata
greeting:
        .asciz  "multiboot"
        .bss
zero:   .skip   4
