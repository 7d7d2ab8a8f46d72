package io.queztl.vmm.gdb;

import io.queztl.machine.cpu.CpuState;
import io.queztl.machine.cpu.Vcpu;
import io.queztl.machine.memory.GuestMemory;
import io.queztl.machine.memory.GuestMemoryException;
import io.queztl.vmm.vcpu.VcpuThread;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A remote debugging stub: GDB's remote serial protocol over TCP on the loopback interface (GDB
 * manual, appendix E). vCPU n is thread n + 1. All vCPUs stop and go together; a debugger that
 * attaches stops them, and one that leaves lets them go.
 *
 * <p>One thread accepts one debugger at a time and answers its packets; vCPU threads only report
 * that they stopped ({@link #stopped}).
 */
public final class GdbServer implements AutoCloseable {
    private static final int PACKET_LIMIT = 0x4000;
    private static final int SIGINT = 2;
    private static final int SIGTRAP = 5;

    private final ServerSocket server;
    private final List<VcpuThread> vcpus;
    private final GuestMemory memory;
    private final Thread thread;
    private final Set<Long> breakpoints = new TreeSet<>();

    private volatile @Nullable Connection connection;
    private int current;

    /**
     * Listens; the vCPUs are not touched before a debugger attaches.
     *
     * @param port TCP port on 127.0.0.1; 0 lets the host choose
     * @throws IOException if the port cannot be had
     */
    public GdbServer(int port, List<VcpuThread> vcpus, GuestMemory memory) throws IOException {
        this.server = new ServerSocket(port, 1, InetAddress.getLoopbackAddress());
        this.vcpus = vcpus;
        this.memory = memory;
        this.thread = Thread.ofPlatform().daemon().name("queztl-gdb").start(this::accept);
    }

    /** The port it listens on. */
    public int port() {
        return server.getLocalPort();
    }

    /** A vCPU hit a breakpoint or finished a step, and is paused. Called on its thread. */
    public void stopped(int vcpu) {
        Connection c = connection;
        if (c != null) {
            c.stopped(vcpu);
        }
    }

    @Override
    public void close() {
        try {
            server.close();
            Connection c = connection;
            if (c != null) {
                c.socket.close();
            }
        } catch (IOException e) {
            // Closing is all that was wanted.
        }
        thread.interrupt();
    }

    private void accept() {
        while (!server.isClosed()) {
            try (Socket socket = server.accept()) {
                socket.setTcpNoDelay(true);
                Connection c = new Connection(socket);
                connection = c;
                pauseAll();
                c.serve();
            } catch (IOException e) {
                // The debugger went away; the next one may come.
            } finally {
                connection = null;
                breakpoints.clear();
                setBreakpoints();
                vcpus.forEach(VcpuThread::resume);
            }
        }
    }

    private void pauseAll() {
        List<? extends Future<?>> all = vcpus.stream().map(VcpuThread::pause).toList();
        all.forEach(GdbServer::await);
    }

    private static <T> T await(Future<T> future) {
        try {
            return future.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        } catch (ExecutionException e) {
            throw new IllegalStateException(e.getCause());
        }
    }

    private <T> T on(int vcpu, Function<Vcpu, T> action) {
        return await(vcpus.get(vcpu).call(action));
    }

    private void setBreakpoints() {
        long[] addresses = breakpoints.stream().mapToLong(Long::longValue).toArray();
        for (VcpuThread v : vcpus) {
            try {
                Object ignored =
                        await(
                                v.call(cpu -> {
                                    cpu.breakpoints(addresses);
                                    cpu.singleStep(false);
                                    return true;
                                }));
            } catch (java.util.concurrent.CancellationException e) {
                // That vCPU has ended.
            }
        }
    }

    /** One debugger. */
    private final class Connection {
        final Socket socket;
        private final InputStream in;
        private final OutputStream out;
        private boolean acknowledge = true;
        private boolean running;

        Connection(Socket socket) throws IOException {
            this.socket = socket;
            this.in = new BufferedInputStream(socket.getInputStream());
            this.out = socket.getOutputStream();
        }

        void serve() throws IOException {
            int b;
            while ((b = in.read()) >= 0) {
                if (b == 3) {
                    interrupt();
                } else if (b == '$') {
                    String packet = packet();
                    if (packet != null && !handle(packet)) {
                        return;
                    }
                }
            }
        }

        /** Reads to the end of a packet; null if its checksum was wrong. */
        private @Nullable String packet() throws IOException {
            StringBuilder text = new StringBuilder();
            int sum = 0;
            int b;
            while ((b = in.read()) != '#') {
                if (b < 0 || text.length() > PACKET_LIMIT) {
                    throw new IOException("packet without end");
                }
                sum += b;
                text.append((char) b);
            }
            int high = Character.digit(in.read(), 16);
            int low = Character.digit(in.read(), 16);
            boolean good = (sum & 0xff) == (high << 4 | low);
            if (acknowledge) {
                out.write(good ? '+' : '-');
                out.flush();
            }
            return good ? text.toString() : null;
        }

        private synchronized void reply(String text) throws IOException {
            int sum = 0;
            for (int k = 0; k < text.length(); k++) {
                sum += text.charAt(k);
            }
            out.write("$%s#%02x".formatted(text, sum & 0xff).getBytes(StandardCharsets.ISO_8859_1));
            out.flush();
        }

        private synchronized void interrupt() throws IOException {
            if (running) {
                running = false;
                pauseAll();
                reply(stopReply(SIGINT));
            }
        }

        /** On the vCPU's thread: others must not be waited for here. */
        void stopped(int vcpu) {
            Thread.ofVirtual()
                    .start(() -> {
                        synchronized (this) {
                            if (!running) {
                                return;
                            }
                            running = false;
                            pauseAll();
                            current = vcpu;
                            try {
                                reply(stopReply(SIGTRAP));
                            } catch (IOException e) {
                                // The debugger went away; its thread notices too.
                            }
                        }
                    });
        }

        private String stopReply(int signal) {
            return "T%02xthread:%x;".formatted(signal, current + 1);
        }

        /** Answers a packet; false ends the connection. */
        private boolean handle(String p) throws IOException {
            try {
                return answer(p);
            } catch (RuntimeException e) {
                // Whatever a packet asks for, it must not end the stub.
                reply("E01");
                return true;
            }
        }

        private boolean answer(String p) throws IOException {
            switch (p.charAt(0)) {
                case '?' -> reply(stopReply(SIGTRAP));
                case 'g' -> reply(allRegisters());
                case 'G' -> writeAll(p.substring(1));
                case 'p' -> {
                    int n = Integer.parseInt(p.substring(1), 16);
                    reply(n < GdbRegisters.COUNT ? hex(register(n)) : "E01");
                }
                case 'P' -> {
                    int equals = p.indexOf('=');
                    int n = Integer.parseInt(p.substring(1, equals), 16);
                    byte[] value = HexFormat.of().parseHex(p.substring(equals + 1));
                    writeRegister(n, value);
                    reply("OK");
                }
                case 'm' -> readMemory(p.substring(1));
                case 'M' -> writeMemory(p.substring(1));
                case 'c' -> go(false);
                case 's' -> go(true);
                case 'Z', 'z' -> breakpoint(p);
                case 'H' -> {
                    long id = Long.parseLong(p.substring(2), 16);
                    if (id > 0 && id <= vcpus.size()) {
                        current = (int) id - 1;
                    }
                    reply("OK");
                }
                case 'T' -> {
                    long id = Long.parseLong(p.substring(1), 16);
                    reply(id > 0 && id <= vcpus.size() ? "OK" : "E01");
                }
                case 'D' -> {
                    reply("OK");
                    return false;
                }
                case 'k' -> {
                    return false;
                }
                case 'q', 'Q' -> query(p);
                case 'v' -> {
                    if (p.equals("vCont?")) {
                        reply("vCont;c;C;s;S");
                    } else if (p.startsWith("vCont;")) {
                        resume(p.substring(6));
                    } else {
                        reply("");
                    }
                }
                default -> reply("");
            }
            return true;
        }

        private void query(String p) throws IOException {
            if (p.startsWith("qSupported")) {
                reply(
                        "PacketSize=%x;QStartNoAckMode+;qXfer:features:read+;vContSupported+"
                                .formatted(PACKET_LIMIT));
            } else if (p.equals("QStartNoAckMode")) {
                reply("OK");
                acknowledge = false;
            } else if (p.startsWith("qXfer:features:read:target.xml:")) {
                String[] range = p.substring(p.lastIndexOf(':') + 1).split(",", -1);
                int start = Integer.parseInt(range[0], 16);
                int length = Integer.parseInt(range[1], 16);
                String xml = GdbRegisters.description();
                int end = Math.min(xml.length(), Math.addExact(start, length));
                reply(
                        start >= xml.length()
                                ? "l"
                                : (end == xml.length() ? "l" : "m") + xml.substring(start, end));
            } else if (p.equals("qC")) {
                reply("QC%x".formatted(current + 1));
            } else if (p.equals("qfThreadInfo")) {
                StringBuilder ids = new StringBuilder("m");
                for (int k = 1; k <= vcpus.size(); k++) {
                    ids.append(k == 1 ? "" : ",").append(Integer.toHexString(k));
                }
                reply(ids.toString());
            } else if (p.equals("qsThreadInfo")) {
                reply("l");
            } else if (p.startsWith("qThreadExtraInfo,")) {
                long id = Long.parseLong(p.substring(17), 16);
                reply(hex(("vCPU " + (id - 1)).getBytes(StandardCharsets.US_ASCII)));
            } else if (p.equals("qAttached")) {
                reply("1");
            } else {
                reply("");
            }
        }

        private void resume(String actions) {
            boolean step = false;
            for (String action : actions.split(";", -1)) {
                if (action.startsWith("s") || action.startsWith("S")) {
                    step = true;
                    int colon = action.indexOf(':');
                    if (colon > 0) {
                        long id = Long.parseLong(action.substring(colon + 1), 16);
                        if (id > 0 && id <= vcpus.size()) {
                            current = (int) id - 1;
                        }
                    }
                }
            }
            go(step);
        }

        private synchronized void go(boolean step) {
            boolean wanted = step;
            Boolean ignored =
                    on(
                            current,
                            v -> {
                                v.singleStep(wanted);
                                return true;
                            });
            running = true;
            if (step) {
                vcpus.get(current).resume();
            } else {
                vcpus.forEach(VcpuThread::resume);
            }
        }

        private void breakpoint(String p) throws IOException {
            String[] parts = p.substring(1).split(",", -1);
            if (!parts[0].equals("0") && !parts[0].equals("1")) {
                reply("");
                return;
            }
            long address = Long.parseUnsignedLong(parts[1], 16);
            if (p.charAt(0) == 'Z') {
                breakpoints.add(address);
            } else {
                breakpoints.remove(address);
            }
            setBreakpoints();
            reply("OK");
        }

        // --- registers and memory
        // -----------------------------------------------------------------

        private byte[] register(int n) {
            return GdbRegisters.read(on(current, Vcpu::state), n);
        }

        private String allRegisters() {
            CpuState s = on(current, Vcpu::state);
            StringBuilder text = new StringBuilder();
            for (int n = 0; n < GdbRegisters.COUNT; n++) {
                text.append(hex(GdbRegisters.read(s, n)));
            }
            return text.toString();
        }

        private void writeAll(String hex) throws IOException {
            byte[] all = HexFormat.of().parseHex(hex);
            int at = 0;
            for (int n = 0;
                    n < GdbRegisters.COUNT && at + GdbRegisters.size(n) <= all.length;
                    n++) {
                writeRegister(n, java.util.Arrays.copyOfRange(all, at, at + GdbRegisters.size(n)));
                at += GdbRegisters.size(n);
            }
            reply("OK");
        }

        private void writeRegister(int n, byte[] value) {
            Boolean ignored =
                    on(
                            current,
                            v -> {
                                v.restore(GdbRegisters.write(v.state(), n, value));
                                return true;
                            });
        }

        private void readMemory(String p) throws IOException {
            String[] parts = p.split(",", -1);
            long address = Long.parseUnsignedLong(parts[0], 16);
            int length = Math.min(Integer.parseUnsignedInt(parts[1], 16), PACKET_LIMIT / 2);
            if (length < 0) {
                throw new IllegalArgumentException("length " + parts[1]);
            }
            byte[] data = new byte[length];
            int done = 0;
            while (done < length) {
                long at = address + done;
                int n = (int) Math.min(length - done, 4096 - (at & 0xfff));
                long physical = on(current, v -> v.translate(at));
                if (physical < 0 || !memory.isRam(physical, n)) {
                    break;
                }
                memory.read(physical, data, done, n);
                done += n;
            }
            reply(done == 0 && length > 0 ? "E14" : hex(java.util.Arrays.copyOf(data, done)));
        }

        private void writeMemory(String p) throws IOException {
            int colon = p.indexOf(':');
            String[] parts = p.substring(0, colon).split(",", -1);
            long address = Long.parseUnsignedLong(parts[0], 16);
            byte[] data = HexFormat.of().parseHex(p.substring(colon + 1));
            int done = 0;
            while (done < data.length) {
                long at = address + done;
                int n = (int) Math.min(data.length - done, 4096 - (at & 0xfff));
                long physical = on(current, v -> v.translate(at));
                try {
                    memory.write(physical, data, done, n);
                } catch (GuestMemoryException e) {
                    reply("E14");
                    return;
                }
                done += n;
            }
            reply("OK");
        }

        private static String hex(byte[] bytes) {
            return HexFormat.of().formatHex(bytes);
        }
    }
}
