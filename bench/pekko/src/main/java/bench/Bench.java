package bench;

import com.typesafe.config.ConfigFactory;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.apache.pekko.NotUsed;
import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.stream.ClosedShape;
import org.apache.pekko.stream.UniformFanInShape;
import org.apache.pekko.stream.UniformFanOutShape;
import org.apache.pekko.stream.javadsl.Broadcast;
import org.apache.pekko.stream.javadsl.Compression;
import org.apache.pekko.stream.javadsl.Flow;
import org.apache.pekko.stream.javadsl.Framing;
import org.apache.pekko.stream.javadsl.FramingTruncation;
import org.apache.pekko.stream.javadsl.GraphDSL;
import org.apache.pekko.stream.javadsl.JsonFraming;
import org.apache.pekko.stream.javadsl.Merge;
import org.apache.pekko.stream.javadsl.RunnableGraph;
import org.apache.pekko.stream.javadsl.Sink;
import org.apache.pekko.stream.javadsl.Source;
import org.apache.pekko.util.ByteString;

/**
 * The cases of the bench commands in Pekko Streams. It is driven by lines on its standard input, {@code job units reps arg}, and
 * answers each with {@code ok wall-ns cpu-ns check-value} or {@code error text}, so that it takes its turn among the others.
 *
 * <p>Its elements are boxed before the clock starts, its buffers are as long as those of the others (64), its dispatcher has a
 * thread a core, and one ActorSystem serves all runs: as one would set it up for speed.
 */
public final class Bench {
  /** A job does units of work and returns the check value. */
  private interface Job {
    long run(int units, int arg) throws Exception;
  }

  private static final int CHUNK = 64 << 10;

  private final ActorSystem system =
      ActorSystem.create(
          "bench",
          ConfigFactory.parseMap(
                  Map.of(
                      "pekko.loglevel", "OFF",
                      "pekko.stdout-loglevel", "OFF",
                      "pekko.stream.materializer.initial-input-buffer-size", 64,
                      "pekko.stream.materializer.max-input-buffer-size", 64,
                      "pekko.actor.default-dispatcher.fork-join-executor.parallelism-min", 2,
                      "pekko.actor.default-dispatcher.fork-join-executor.parallelism-factor", 1.0))
              .withFallback(ConfigFactory.load()));
  private final Executor workers = system.dispatcher();

  private final List<Long> longs = new ArrayList<>();
  private final List<List<Long>> tens = new ArrayList<>();
  private final List<ByteString> chunks = new ArrayList<>();

  private final Map<String, Job> jobs =
      Map.ofEntries(
          Map.entry("fused-chain", (n, arg) -> chain(longs.subList(0, n))),
          Map.entry("async-boundary", this::asyncBoundary),
          Map.entry("ordered-map", this::orderedMap),
          Map.entry("ideal-map", this::idealMap),
          Map.entry("ordered-map-nothing", this::orderedMapNothing),
          Map.entry("batch", this::batch),
          Map.entry("flatten", this::flatten),
          Map.entry("broadcast", this::broadcast),
          Map.entry("merge", this::merge),
          Map.entry("start-up", this::startUp),
          Map.entry("lines", this::lines),
          Map.entry("json-objects", this::jsonObjects),
          Map.entry("gzip", this::gzip));

  /** The jobs that read the input, not numbers. */
  private static final Set<String> ON_INPUT = Set.of("lines", "json-objects", "gzip");

  private Bench(Path input) throws Exception {
    byte[] bytes = Files.readAllBytes(input);
    for (int at = 0; at < bytes.length; at += CHUNK) {
      chunks.add(ByteString.fromArray(bytes, at, Math.min(CHUNK, bytes.length - at)));
    }
  }

  private long chain(List<Long> in) throws Exception {
    return await(
        Source.from(in)
            .map(v -> v + 1)
            .filter(v -> (v & 3) != 0)
            .map(v -> v * 3)
            .runFold(0L, Long::sum, system));
  }

  private long asyncBoundary(int n, int arg) throws Exception {
    return await(Source.from(longs.subList(0, n)).async().runFold(0L, Long::sum, system));
  }

  private long orderedMap(int n, int spins) throws Exception {
    return await(
        Source.from(longs.subList(0, n))
            .mapAsync(4, v -> CompletableFuture.supplyAsync(() -> spin(v, spins), workers))
            .runFold(0L, Long::sum, system));
  }

  /** What the work of orderedMap costs on two threads that need not hand anything over. */
  private long idealMap(int n, int spins) throws Exception {
    CompletableFuture<Long> first =
        CompletableFuture.supplyAsync(() -> spinAll(longs.subList(0, n / 2), spins), workers);
    CompletableFuture<Long> second =
        CompletableFuture.supplyAsync(() -> spinAll(longs.subList(n / 2, n), spins), workers);
    return first.get() + second.get();
  }

  private static long spinAll(List<Long> in, int spins) {
    long sum = 0;
    for (Long v : in) {
      sum += spin(v, spins);
    }
    return sum;
  }

  private static long spin(long v, int times) {
    long x = v | 1;
    for (int i = 0; i < times; i++) {
      x ^= x << 13;
      x ^= x >>> 7;
      x ^= x << 17;
    }
    return x & 0xffff;
  }

  private long orderedMapNothing(int n, int arg) throws Exception {
    return await(
        Source.from(longs.subList(0, n))
            .mapAsync(4, v -> CompletableFuture.supplyAsync(() -> v + 1, workers))
            .runFold(0L, Long::sum, system));
  }

  private long batch(int n, int arg) throws Exception {
    return await(
        Source.from(longs.subList(0, n))
            .grouped(100)
            .runFold(0L, (sum, b) -> sum + b.size() + b.get(b.size() - 1), system));
  }

  private long flatten(int n, int arg) throws Exception {
    return await(
        Source.from(tens.subList(0, n / 10)).mapConcat(v -> v).runFold(0L, Long::sum, system));
  }

  private long broadcast(int n, int arg) throws Exception {
    Sink<Long, CompletionStage<Long>> sum = Sink.fold(0L, Long::sum);
    Source<Long, NotUsed> in = Source.from(longs.subList(0, n));
    return await(
        RunnableGraph.fromGraph(
                GraphDSL.create(
                    sum,
                    (b, out) -> {
                      UniformFanOutShape<Long, Long> fan = b.add(Broadcast.create(2));
                      UniformFanInShape<Long, Long> merge = b.add(Merge.create(2));
                      b.from(b.add(in)).viaFanOut(fan);
                      b.from(fan).via(b.add(Flow.of(Long.class).map(v -> v + 1))).viaFanIn(merge);
                      b.from(fan).via(b.add(Flow.of(Long.class).map(v -> v * 3))).viaFanIn(merge);
                      b.from(merge).to(out);
                      return ClosedShape.getInstance();
                    }))
            .run(system));
  }

  private long merge(int n, int arg) throws Exception {
    return await(
        Source.from(longs.subList(0, n / 2))
            .merge(Source.from(longs.subList(n / 2, n)))
            .runFold(0L, Long::sum, system));
  }

  private long startUp(int runs, int arg) throws Exception {
    long sum = 0;
    for (int i = 0; i < runs; i++) {
      sum += chain(longs.subList(1, 2));
    }
    return sum;
  }

  private long lines(int n, int arg) throws Exception {
    return await(
        Source.from(chunks)
            .via(Framing.delimiter(ByteString.fromString("\n"), 1 << 20, FramingTruncation.ALLOW))
            .runFold(0L, (sum, line) -> sum + line.size() + 1, system));
  }

  private long jsonObjects(int n, int arg) throws Exception {
    return await(
        Source.from(chunks)
            .via(JsonFraming.objectScanner(1 << 20))
            .runFold(0L, (sum, object) -> sum + object.size() + 1, system));
  }

  /**
   * The level is arg, or what Compression.gzip has by default where that is negative. The check value is the number of bytes that the
   * trailer tells.
   */
  private long gzip(int n, int level) throws Exception {
    Flow<ByteString, ByteString, NotUsed> gzip =
        level < 0 ? Compression.gzip() : Compression.gzip(level);
    ByteString last =
        await(
            Source.from(chunks)
                .via(gzip)
                .runFold(ByteString.emptyByteString(), (end, p) -> end.concat(p).takeRight(4), system));
    return ByteBuffer.wrap(last.toArray()).order(ByteOrder.LITTLE_ENDIAN).getInt();
  }

  private static <T> T await(CompletionStage<T> result) throws Exception {
    return result.toCompletableFuture().get(60, TimeUnit.SECONDS);
  }

  /** Makes sure that there are n elements. */
  private void fill(int n) {
    for (long v = longs.size(); v < n; v++) {
      longs.add(v);
    }
    for (int i = tens.size(); i < n / 10; i++) {
      tens.add(List.copyOf(longs.subList(10 * i, 10 * i + 10)));
    }
  }

  private String answer(String command) {
    try {
      String[] words = command.split(" ");
      int units = Integer.parseInt(words[1]);
      int reps = Integer.parseInt(words[2]);
      int arg = Integer.parseInt(words[3]);
      if (!ON_INPUT.contains(words[0])) {
        fill(Math.max(units, 16));
      }
      Job job = jobs.get(words[0]);
      var os = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
      long cpu = os.getProcessCpuTime();
      long began = System.nanoTime();
      long check = job.run(units, arg);
      for (int i = 1; i < reps; i++) {
        if (job.run(units, arg) != check) {
          return "error two runs differ";
        }
      }
      long wall = System.nanoTime() - began;
      return "ok " + wall + " " + (os.getProcessCpuTime() - cpu) + " " + check;
    } catch (Exception e) {
      return "error " + e.toString().replace('\n', ' ');
    }
  }

  public static void main(String[] args) throws Exception {
    Bench bench = new Bench(Path.of(args[0]));
    System.out.println("ready");
    var in = new BufferedReader(new InputStreamReader(System.in));
    for (String command; (command = in.readLine()) != null; ) {
      System.out.println(bench.answer(command));
    }
    bench.system.terminate();
  }
}
