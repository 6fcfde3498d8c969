import com.google.common.util.concurrent.FutureCallback;
import com.google.common.util.concurrent.Futures;
import com.google.common.util.concurrent.MoreExecutors;
import com.sun.management.OperatingSystemMXBean;
import java.io.BufferedInputStream;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import software.amazon.awssdk.auth.credentials.AwsSessionCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.kinesis.producer.KinesisProducer;
import software.amazon.kinesis.producer.KinesisProducerConfiguration;
import software.amazon.kinesis.producer.UserRecordResult;

/**
 * The program measured for the KPL. Its job and the marks it prints are those of
 * the Go programs; see internal/child.
 */
public final class Program {
    /** What may be on the way at a time: the KPL itself sets no bound, and says to. */
    private static final int MAX_OUTSTANDING = 20_000;

    private static final int TICK_MS = 50;
    private static final int FLUSH_AGAIN_MS = 50;

    private final KinesisProducer producer;
    private final String stream = env("BENCH_STREAM");
    private final AtomicLong acknowledged = new AtomicLong();
    private final AtomicReference<Throwable> failure = new AtomicReference<>();
    private long put;

    private Program() {
        URI url = URI.create(env("BENCH_URL"));
        KinesisProducerConfiguration config = new KinesisProducerConfiguration()
            .setCredentialsProvider(StaticCredentialsProvider.create(AwsSessionCredentials.create(
                env("AWS_ACCESS_KEY_ID"), env("AWS_SECRET_ACCESS_KEY"), env("AWS_SESSION_TOKEN"))))
            .setRegion("us-east-1")
            .setKinesisEndpoint(url.getHost()).setKinesisPort(url.getPort())
            .setStsEndpoint(url.getHost()).setStsPort(url.getPort()) // nothing may leave this machine
            .setVerifyCertificate(false)
            .setMetricsLevel("none")
            .setLogLevel(System.getenv().getOrDefault("BENCH_KPL_LOG", "error"))
            .setRateLimit(Integer.MAX_VALUE) // the endpoint has no limits, so the producer needs none
            .setRecordTtl(600_000);
        if (pace().equals("windows")) {
            config.setRecordMaxBufferedTime(60_000); // the end of each window flushes
        } else {
            config.setRecordMaxBufferedTime(Long.parseLong(env("BENCH_FLUSH_MS")));
        }
        producer = new KinesisProducer(config);
    }

    public static void main(String[] args) throws Exception {
        try {
            new Program().run();
        } catch (Throwable t) {
            t.printStackTrace();
            System.exit(1);
        }
    }

    private void run() throws Exception {
        BufferedReader parent = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        System.out.println("ready");
        parent.readLine();
        long before = cpu();
        feed();
        finish();
        System.out.println("done " + (cpu() - before));
        parent.readLine();
        producer.destroy();
        System.exit(0);
    }

    private void feed() throws Exception {
        long window = Long.parseLong(env("BENCH_WINDOW_MS")) * 1_000_000;
        long rate = Long.parseLong(env("BENCH_RATE"));
        long burst = Math.max(1, rate * TICK_MS / 1000);
        boolean paced = pace().equals("rate");
        long start = System.nanoTime();
        long due = start + window / 2;
        sleepUntil(due);
        try (InputStream in = new BufferedInputStream(new FileInputStream(env("BENCH_INPUT")), 64 << 10)) {
            for (byte[] line = line(in); line != null; line = line(in)) {
                if (line.length == 0) {
                    finish();
                    due += window;
                    sleepUntil(due);
                    continue;
                }
                if (paced && put % burst == 0) {
                    sleepUntil(start + put * 1_000_000_000 / rate);
                }
                put(line);
            }
        }
    }

    private void put(byte[] line) throws Exception {
        while (put - acknowledged.get() >= MAX_OUTSTANDING) {
            check();
            Thread.sleep(1);
        }
        int tab = 0;
        while (line[tab] != '\t') {
            tab++;
        }
        String key = new String(line, 0, tab, StandardCharsets.UTF_8);
        ByteBuffer data = ByteBuffer.wrap(line, tab + 1, line.length - tab - 1).slice();
        put++;
        Futures.addCallback(producer.addUserRecord(stream, key, data), new FutureCallback<UserRecordResult>() {
            @Override
            public void onSuccess(UserRecordResult result) {
                acknowledged.incrementAndGet();
            }

            @Override
            public void onFailure(Throwable t) {
                failure.compareAndSet(null, t);
            }
        }, MoreExecutors.directExecutor());
    }

    /**
     * Flushes, and returns when all is acknowledged. A flush may miss what the daemon
     * is still busy with, so it is repeated, as flushSync does, but sooner.
     */
    private void finish() throws Exception {
        for (int ms = 0; acknowledged.get() < put; ms++) {
            check();
            if (ms % FLUSH_AGAIN_MS == 0) {
                producer.flush();
            }
            Thread.sleep(1);
        }
    }

    private void check() throws Exception {
        if (failure.get() != null) {
            throw new IOException("a record was not delivered", failure.get());
        }
    }

    /** Returns the next line without its end, or null. */
    private static byte[] line(InputStream in) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream(512);
        for (int c = in.read(); c != '\n'; c = in.read()) {
            if (c < 0) {
                return null;
            }
            line.write(c);
        }
        return line.toByteArray();
    }

    private static void sleepUntil(long nanos) throws InterruptedException {
        long wait = nanos - System.nanoTime();
        if (wait > 0) {
            Thread.sleep(wait / 1_000_000, (int) (wait % 1_000_000));
        }
    }

    private static long cpu() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
    }

    private static String pace() {
        return env("BENCH_PACE");
    }

    private static String env(String name) {
        String value = System.getenv(name);
        if (value == null) {
            throw new IllegalStateException(name + " is not set; this program is started by the benchmark");
        }
        return value;
    }
}
