# The size of the terminal that the serial console is on.
if [ -f /run/queztl/terminal ] && [ "$(tty)" = /dev/ttyS0 ]; then
    stty $(cat /run/queztl/terminal)
fi
