package io.vquant.engine.cli;

import io.vquant.engine.Engine;
import io.vquant.engine.batching.BatchOptions;
import io.vquant.engine.server.ApiServer;
import io.vquant.engine.server.ServerOptions;
import io.vquant.model.MemoryPlan;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code serve}: OpenAI's API over HTTP, and a page to chat from a browser. */
@Command(
    description =
        "Serves the model over HTTP: OpenAI's API under /v1, a page to chat at /, /health and"
            + " /metrics. Several requests run at once; what each gets does not depend on the"
            + " others.",
    footer = {
      "",
      "Examples:",
      "  serve",
      "  serve -m path/to/model --port 9000 --slots 8",
      "  curl http://127.0.0.1:8080/v1/chat/completions -H 'Content-Type: application/json' \\",
      "    -d '{\"messages\": [{\"role\": \"user\", \"content\": \"Tell me a story.\"}]}'"
    })
final class ServeCommand implements Callable<Integer> {
  private static final int MAX_PORT = 65535;
  private static final int MAX_QUEUE = 100_000;
  private static final String KEY_VARIABLE = "VQUANT_API_KEY";

  /** Of the memory that is free once the weights are there. */
  private static final double CACHE_SHARE = 0.8;

  private static final int PREFIX_PART = 4;

  private final CommandContext context;
  @Mixin private ModelOptions model;
  @Mixin private OutputOptions output;

  @Option(
      names = "--host",
      paramLabel = "NAME",
      description = "address to listen on (default: 127.0.0.1)")
  private String host = "127.0.0.1";

  @Option(
      names = "--port",
      paramLabel = "N",
      description = "port to listen on; 0 takes a free one (default: 8080)")
  private int port = 8080;

  @Option(
      names = "--slots",
      paramLabel = "N",
      description = "requests that run at once, 1 to 64 (default: 8)")
  private int slots = 8;

  @Option(
      names = "--queue",
      paramLabel = "N",
      description = "requests that wait beyond those; more get 429 (default: 64)")
  private int queue = 64;

  @Option(
      names = "--api-key",
      paramLabel = "KEY",
      description =
          "clients must send it as 'Authorization: Bearer KEY' (default: $VQUANT_API_KEY, else none)")
  private @Nullable String apiKey;

  ServeCommand(CommandContext context) {
    this.context = context;
    model = new ModelOptions();
    output = new OutputOptions();
  }

  @Override
  public Integer call() {
    model.check();
    requireBetween("--port", port, 0, MAX_PORT);
    requireBetween("--slots", slots, 1, BatchOptions.MAX_SLOTS);
    requireBetween("--queue", queue, 0, MAX_QUEUE);
    ServerSettings.apply();
    String key = apiKey == null ? context.environment().get(KEY_VARIABLE) : apiKey;
    try (Engine engine = model.open(context, output, true)) {
      ServerOptions options = options(engine, key == null || key.isEmpty() ? null : key);
      serve(engine, options);
    }
    return ExitCode.DONE;
  }

  private static void requireBetween(String option, int value, int least, int most) {
    if (value < least || value > most) {
      throw CommandFailure.usage(option + " " + value + ": expected " + least + " to " + most);
    }
  }

  private ServerOptions options(Engine engine, @Nullable String key) {
    MemoryPlan plan = engine.memoryPlan();
    long one = plan.cacheByteSize() + plan.scratchByteSize();
    long available = (long) (engine.availableBytes() * CACHE_SHARE);
    long prefixes = Math.min(one, available / PREFIX_PART);
    long wanted = Math.addExact(Math.multiplyExact(one, (long) slots), prefixes);
    long bytes = Math.max(one + prefixes, Math.min(wanted, available));
    try {
      return new ServerOptions(
          new InetSocketAddress(host, port), key, new BatchOptions(slots, queue, bytes, prefixes));
    } catch (IllegalArgumentException e) {
      throw CommandFailure.usage("--" + e.getMessage());
    }
  }

  private void serve(Engine engine, ServerOptions options) {
    Path folder = model.folder(context);
    CountDownLatch asked = new CountDownLatch(1);
    try (ApiServer server =
        ApiServer.start(options, engine, folder, nameOf(model.modelName(), folder))) {
      context.interruption().onRequest(asked::countDown);
      announce(engine, options, server);
      asked.await();
    } catch (IOException e) {
      throw CommandFailure.usage(
          "--host " + host + " --port " + port + ": cannot listen: " + e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void announce(Engine engine, ServerOptions options, ApiServer server) {
    model.tellDevice(context, output);
    if (!output.quiet()) {
      context
          .console()
          .message(
              "slots %d, queue %d, context %d, KV caches up to %s (shared beginnings: %s), %s"
                  .formatted(
                      slots,
                      queue,
                      engine.contextLength(),
                      Quantities.bytes(options.batch().cacheByteSize()),
                      Quantities.bytes(options.batch().prefixByteSize()),
                      options.apiKey() == null ? "no API key" : "API key asked for"));
    }
    String name = server.address().getAddress().getHostAddress();
    String authority = name.contains(":") ? "[" + name + "]" : name;
    context.console().out().line("http://" + authority + ":" + server.address().getPort());
    context.console().out().flush();
  }

  /** The folder's own name, where a whole path is given. */
  private static String nameOf(String modelName, Path folder) {
    Path last = folder.toAbsolutePath().normalize().getFileName();
    return modelName.equals(BundledModel.NAME) || last == null ? modelName : last.toString();
  }
}
