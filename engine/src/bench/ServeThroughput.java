import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Tokens a second of a running server: requests one at a time against several at once.
 *
 * <pre>java engine/src/bench/ServeThroughput.java http://127.0.0.1:8080 [clients] [tokens] [rounds]</pre>
 */
public final class ServeThroughput {
  private static final Pattern COMPLETION_TOKENS =
      Pattern.compile("\"completion_tokens\":([0-9]+)");

  private final URI url;
  private final int tokens;
  private final HttpClient client = HttpClient.newHttpClient();

  private ServeThroughput(String server, int tokens) {
    url = URI.create(server + "/v1/completions");
    this.tokens = tokens;
  }

  public static void main(String[] args) throws Exception {
    int clients = args.length > 1 ? Integer.parseInt(args[1]) : 8;
    int tokens = args.length > 2 ? Integer.parseInt(args[2]) : 128;
    int rounds = args.length > 3 ? Integer.parseInt(args[3]) : 5;
    ServeThroughput bench = new ServeThroughput(args[0], tokens);
    bench.run(1, clients);
    bench.run(clients, 2 * clients); // the compiler has seen both by now
    List<Double> ratios = new ArrayList<>();
    for (int round = 0; round < rounds; round++) {
      double one = bench.run(1, clients);
      double many = bench.run(clients, 2 * clients);
      ratios.add(many / one);
      System.out.printf(
          "1 at a time %.0f t/s, %d at once %.0f t/s: %.2f times%n",
          one, clients, many, many / one);
    }
    ratios.sort(null);
    System.out.printf("median: %.2f times%n", ratios.get(ratios.size() / 2));
    bench.client.close();
  }

  /** Tokens a second of so many requests, {@code clients} at once. */
  private double run(int clients, int requests) throws Exception {
    long start = System.nanoTime();
    long produced = 0;
    try (ExecutorService threads = Executors.newFixedThreadPool(clients)) {
      List<Future<Integer>> answers = new ArrayList<>();
      for (int i = 0; i < requests; i++) {
        String prompt = "Once upon a time there was animal number " + i + ", who";
        answers.add(threads.submit(() -> ask(prompt)));
      }
      for (Future<Integer> answer : answers) {
        produced += answer.get();
      }
    }
    return produced * 1e9 / (System.nanoTime() - start);
  }

  private int ask(String prompt) throws Exception {
    String body =
        "{\"prompt\": \"%s\", \"max_tokens\": %d, \"temperature\": 0, \"ignore_eos\": true}"
            .formatted(prompt, tokens);
    HttpRequest request =
        HttpRequest.newBuilder(url)
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body))
            .build();
    String answer = client.send(request, HttpResponse.BodyHandlers.ofString()).body();
    Matcher count = COMPLETION_TOKENS.matcher(answer);
    if (!count.find()) {
      throw new IllegalStateException(answer);
    }
    return Integer.parseInt(count.group(1));
  }
}
