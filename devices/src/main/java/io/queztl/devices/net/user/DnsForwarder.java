package io.queztl.devices.net.user;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SelectionKey;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * The DNS server of the guest's network, for UDP: names of the host's {@code /etc/hosts} it answers
 * itself, the rest it passes on to the host's resolvers, one after the other until one answers;
 * each question from a port of its own. Without resolvers the JVM looks addresses up. Guarded by
 * the stack's lock.
 */
final class DnsForwarder {
    static final int PORT = 53;

    private static final long TRY_NANOS = 2_000_000_000L;
    private static final int ROUNDS = 2;
    private static final int MAX_ADDRESSES = 16;

    /** A question that was passed on. */
    private final class Query implements HostLoop.Handler {
        final long mac;
        final Flow flow;
        final ByteBuffer message;
        final DnsMessage question;
        final List<InetSocketAddress> resolvers;
        @Nullable DatagramChannel channel;
        int attempts;
        long deadline;

        Query(
                long mac,
                Flow flow,
                ByteBuffer message,
                DnsMessage question,
                List<InetSocketAddress> resolvers) {
            this.mac = mac;
            this.flow = flow;
            this.message = message;
            this.question = question;
            this.resolvers = resolvers;
        }

        /** Asks the next resolver; false if there is none left. */
        boolean ask(long now) {
            while (attempts < ROUNDS * resolvers.size()) {
                InetSocketAddress resolver = resolvers.get(attempts++ % resolvers.size());
                end();
                try {
                    DatagramChannel c = DatagramChannel.open();
                    channel = c;
                    DatagramChannel ignored = c.connect(resolver);
                    int sent = c.write(message.duplicate());
                    if (sent == message.limit()) {
                        SelectionKey key = loop.register(c, SelectionKey.OP_READ, this);
                        deadline = now + TRY_NANOS;
                        loop.wakeAt(deadline);
                        return key.isValid();
                    }
                } catch (IOException e) {
                    // The next one may do.
                }
            }
            return false;
        }

        @Override
        public void ready(SelectionKey ready) {
            DatagramChannel c = channel;
            int at = FrameWriter.payload(flow.guest().isV4()) + FrameWriter.UDP_HEADER;
            ByteBuffer b = writer.buffer;
            try {
                b.clear().position(at).limit(at + FrameWriter.MAX_UDP);
                if (c == null || c.receive(b) == null) {
                    b.clear();
                    return;
                }
            } catch (IOException e) {
                b.clear();
                again(this, loop.now()); // nobody listens there
                return;
            }
            int bytes = b.position() - at;
            b.clear();
            if (DnsMessage.answers(b.slice(at, bytes), message, question)) {
                boolean ignored = writer.sendUdp(mac, flow, bytes, true);
                end();
                boolean removed = queries.remove(this);
            }
        }

        void end() {
            DatagramChannel c = channel;
            if (c != null) {
                channel = null;
                loop.close(c);
            }
        }
    }

    private final HostLoop loop;
    private final FrameWriter writer;
    private final NetworkAddresses addresses;
    private final HostNames names;
    private final boolean hostAccess;
    private final Executor executor;
    private final int most;
    private final Set<Query> queries = new LinkedHashSet<>();
    private int lookups;

    DnsForwarder(
            HostLoop loop,
            FrameWriter writer,
            NetworkAddresses addresses,
            HostNames names,
            boolean hostAccess,
            Executor executor,
            int most) {
        this.loop = loop;
        this.writer = writer;
        this.addresses = addresses;
        this.names = names;
        this.hostAccess = hostAccess;
        this.executor = executor;
        this.most = most;
    }

    int size() {
        return queries.size() + lookups;
    }

    /** Where connections to the DNS server lead to, or null. */
    @Nullable InetSocketAddress resolver() {
        List<InetSocketAddress> all = names.resolvers();
        return all.isEmpty() ? null : all.getFirst();
    }

    /** A datagram of the guest to the DNS server, {@code bytes} of data. */
    void receive(GuestPacket p, Flow flow, int bytes, long now) {
        ByteBuffer message =
                ByteBuffer.allocateDirect(bytes)
                        .put(0, p.data, p.at + FrameWriter.UDP_HEADER, bytes);
        DnsMessage question = DnsMessage.query(message);
        if (question == null) {
            return;
        }
        List<IpAddress> known = question.name() == null ? null : fromHosts(question.name());
        if (known != null
                && (question.type() == DnsMessage.A || question.type() == DnsMessage.AAAA)) {
            answer(p.sourceMac, flow, message, question, DnsMessage.OK, known);
            return;
        }
        if (size() >= most) {
            answer(p.sourceMac, flow, message, question, DnsMessage.SERVER_FAILURE, List.of());
            return;
        }
        List<InetSocketAddress> resolvers = names.resolvers();
        Query query = new Query(p.sourceMac, flow, message, question, resolvers);
        if (resolvers.isEmpty()) {
            lookUp(query);
        } else if (query.ask(now)) {
            boolean added = queries.add(query);
        } else {
            fail(query);
        }
    }

    private @Nullable List<IpAddress> fromHosts(String name) {
        List<IpAddress> found = names.lookUp(name);
        if (found == null) {
            return null;
        }
        List<IpAddress> usable = new ArrayList<>();
        for (IpAddress a : found) {
            if (!a.isLoopback()) {
                usable.add(a);
            } else if (hostAccess) {
                usable.add(a.isV4() ? addresses.gateway() : addresses.gatewayV6());
            }
        }
        return usable.isEmpty() ? null : usable;
    }

    /** Without a resolver there may still be other ways to names that the JVM knows. */
    private void lookUp(Query query) {
        String name = query.question.name();
        int type = query.question.type();
        if (name == null || type != DnsMessage.A && type != DnsMessage.AAAA) {
            fail(query);
            return;
        }
        lookups++;
        executor.execute(() -> {
            List<IpAddress> found = new ArrayList<>();
            boolean known = true;
            try {
                for (InetAddress a : InetAddress.getAllByName(name)) {
                    found.add(IpAddress.of(a));
                }
            } catch (UnknownHostException | IllegalArgumentException e) {
                known = false;
            }
            found.removeIf(IpAddress::isLoopback);
            int code = known ? DnsMessage.OK : DnsMessage.SERVER_FAILURE;
            loop.lock.lock();
            try {
                lookups--;
                answer(query.mac, query.flow, query.message, query.question, code, found);
            } finally {
                loop.lock.unlock();
            }
            loop.wake();
        });
    }

    private void again(Query query, long now) {
        if (!query.ask(now)) {
            query.end();
            boolean removed = queries.remove(query);
            fail(query);
        }
    }

    private void fail(Query query) {
        answer(
                query.mac,
                query.flow,
                query.message,
                query.question,
                DnsMessage.SERVER_FAILURE,
                List.of());
    }

    private void answer(
            long mac,
            Flow flow,
            ByteBuffer message,
            DnsMessage question,
            int code,
            List<IpAddress> all) {
        boolean v4 = question.type() == DnsMessage.A;
        List<IpAddress> fit =
                all.stream().filter(a -> a.isV4() == v4).limit(MAX_ADDRESSES).toList();
        int at = FrameWriter.payload(flow.guest().isV4()) + FrameWriter.UDP_HEADER;
        int bytes = question.answer(message, writer.buffer, at, code, fit);
        boolean ignored = writer.sendUdp(mac, flow, bytes, true);
    }

    /** Asks again what was not answered; returns when to do so next. */
    long expire(long now) {
        long next = HostLoop.NEVER;
        for (Query query : new ArrayList<>(queries)) {
            if (query.deadline <= now) {
                again(query, now);
            }
            if (queries.contains(query)) {
                next = Math.min(next, query.deadline);
            }
        }
        return next;
    }

    void close() {
        queries.forEach(Query::end);
        queries.clear();
    }
}
