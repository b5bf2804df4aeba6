package io.vquant.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The server's page in a headless Chromium, used by mouse and keyboard. Where no Chromium is
 * installed it is skipped, unless {@code -Dvquant.test.browser=required}. Screenshots go to {@code
 * target/web-page}.
 */
class WebPageIT {
  private static final String KEY = "page-secret";
  private static final String ANSWER = "document.querySelector('.assistant:last-child .text')";
  private static final String IDLE = "!document.getElementById('send').hidden";

  /** Keeps the length of the last answer's text at each change. */
  private static final String WATCH =
      "window.lengths = []; new MutationObserver(() => { const t = "
          + ANSWER
          + "; if (t) lengths.push(t.textContent.length); })"
          + ".observe(document.getElementById('chat'), {childList: true, subtree: true}); true";

  private static Process server;
  private static String url;
  private static Browser browser;
  private static HttpClient client;

  @BeforeAll
  static void start() throws Exception {
    Optional<Path> chromium = Browser.executable();
    if (chromium.isEmpty()) {
      String message = "no chromium on PATH: the page is not tested (Debian: apt install chromium)";
      assertThat(System.getProperty("vquant.test.browser")).as(message).isNotEqualTo("required");
      abort(message);
    }
    server =
        Cli.computing()
            .withEnvironment("VQUANT_API_KEY", KEY)
            .start("serve", "--port", "0", "--slots", "4", "-c", "2048");
    url =
        new BufferedReader(new InputStreamReader(server.getInputStream(), StandardCharsets.UTF_8))
            .readLine();
    assertThat(url).startsWith("http://127.0.0.1:");
    browser = Browser.start(chromium.get());
    client = HttpClient.newHttpClient();
  }

  @AfterAll
  static void stop() throws Exception {
    if (browser != null) {
      browser.close();
      client.close();
    }
    if (server != null) {
      server.destroy();
      server.waitFor();
    }
  }

  @BeforeEach
  void openThePage() throws Exception {
    browser.resize(1100, 760, "light");
    browser.open("about:blank");
    browser.takeComplaints();
    browser.open(url + "/");
    browser.evaluate(WATCH);
    browser.click("#settings-button");
    fill("#key", KEY);
    fill("#temperature", "0");
    fill("#max-tokens", "60");
  }

  private static void fill(String selector, String text) {
    browser.click(selector);
    browser.evaluate("document.querySelector('" + selector + "').select()");
    browser.type(text);
  }

  private static void ask(String text) {
    browser.click("#input");
    browser.type(text);
    browser.pressEnter(false);
  }

  private static String shownAnswer() {
    return browser.evaluate(ANSWER + ".textContent").stringValue();
  }

  /** What the API says to the same messages, questions and answers in turn. */
  private static String expected(List<String> turns) throws Exception {
    List<Map<String, String>> messages = new ArrayList<>();
    for (String turn : turns) {
      String role = messages.size() % 2 == 0 ? "user" : "assistant";
      messages.add(Map.of("role", role, "content", turn));
    }
    Map<String, Object> body = Map.of("messages", messages, "temperature", 0, "max_tokens", 60);
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(url + "/v1/chat/completions"))
            .header("Authorization", "Bearer " + KEY)
            .POST(HttpRequest.BodyPublishers.ofString(JsonMapper.shared().writeValueAsString(body)))
            .build();
    String answer = client.send(request, HttpResponse.BodyHandlers.ofString()).body();
    JsonNode content = JsonMapper.shared().readTree(answer).at("/choices/0/message/content");
    assertThat(content.isString()).as(answer).isTrue();
    return content.stringValue();
  }

  @Test
  void aTypedMessageIsAnsweredPieceByPieceAndASecondOneToo() throws Exception {
    String question = "Tell me a story about a brave fox.";
    ask(question);
    browser.await(IDLE + " && " + ANSWER + "?.textContent.length > 20");
    String first = expected(List.of(question));
    assertThat(shownAnswer()).isEqualTo(first);
    List<Integer> lengths = new ArrayList<>();
    browser.evaluate("[...new Set(lengths)]").forEach(length -> lengths.add(length.intValue()));
    assertThat(lengths).as("lengths of the growing text").isSorted().hasSizeGreaterThan(10);
    assertThat(lengths.getLast()).isEqualTo(first.length());
    assertThat(browser.evaluate("document.querySelector('.facts').textContent").stringValue())
        .contains("60 tokens", " t/s", "prompt ");
    String next = "What happened then?";
    ask(next);
    browser.await(IDLE + " && document.querySelectorAll('.assistant').length === 2");
    assertThat(shownAnswer()).isEqualTo(expected(List.of(question, first, next)));
    assertThat(browser.evaluate("document.getElementById('model').textContent").stringValue())
        .isNotEmpty();
    assertThat(browser.takeComplaints()).isEmpty();
  }

  @Test
  void shiftEnterBreaksTheLine() throws Exception {
    browser.click("#input");
    browser.type("Count");
    browser.pressEnter(true);
    browser.type("to 12.");
    assertThat(browser.evaluate("document.getElementById('input').value").stringValue())
        .isEqualTo("Count\nto 12.");
    browser.click("#send");
    browser.await(IDLE + " && " + ANSWER + "?.textContent.length > 0");
    assertThat(shownAnswer()).isEqualTo(expected(List.of("Count\nto 12.")));
  }

  @Test
  void stopKeepsWhatWasSaidAndEndsTheRequest() throws Exception {
    fill("#temperature", "5"); // hardly ever comes to an end by itself
    fill("#top-p", "1");
    fill("#max-tokens", "1900");
    ask("Tell me a story.");
    browser.await(ANSWER + "?.textContent.length > 10");
    browser.click("#stop");
    browser.await(IDLE);
    int length = shownAnswer().length();
    assertThat(length).isGreaterThan(10);
    assertThat(browser.evaluate("document.querySelector('.facts').textContent").stringValue())
        .startsWith("stopped");
    awaitNothingRunning();
    assertThat(shownAnswer()).as("after the stop").hasSize(length);
    String begun = shownAnswer();
    fill("#temperature", "0");
    fill("#max-tokens", "60");
    ask("Go on.");
    browser.await(IDLE + " && document.querySelectorAll('.assistant').length === 2");
    assertThat(shownAnswer()).isEqualTo(expected(List.of("Tell me a story.", begun, "Go on.")));
  }

  private static void awaitNothingRunning() throws Exception {
    browser.await(
        "fetch('/health').then(r => r.json()).then(h => { window.load = h.running; }) &&"
            + " window.load === 0");
  }

  @Test
  void aNewChatForgetsTheOldOneEvenWhileItIsAnswered() throws Exception {
    fill("#temperature", "5");
    fill("#top-p", "1");
    fill("#max-tokens", "1900");
    ask("Tell me a story.");
    browser.await(ANSWER + "?.textContent.length > 10");
    browser.click("#new-button");
    assertThat(browser.evaluate("document.querySelectorAll('.message').length").intValue())
        .isZero();
    assertThat(browser.evaluate("document.getElementById('welcome').hidden").booleanValue())
        .isFalse();
    fill("#temperature", "0");
    fill("#max-tokens", "60");
    ask("Describe a fox.");
    browser.await(IDLE + " && " + ANSWER + "?.textContent.length > 0");
    assertThat(shownAnswer()).isEqualTo(expected(List.of("Describe a fox.")));
    assertThat(browser.evaluate("document.querySelectorAll('.message').length").intValue())
        .isEqualTo(2);
  }

  @Test
  void aRefusalIsShownAndTheQuestionCanBeSentAgain() throws Exception {
    fill("#key", "wrong");
    ask("Describe a fox.");
    browser.await("document.querySelector('.failure')");
    assertThat(browser.evaluate("document.querySelector('.failure').textContent").stringValue())
        .contains("key");
    assertThat(browser.evaluate("document.getElementById('input').value").stringValue())
        .isEqualTo("Describe a fox.");
    fill("#key", KEY);
    browser.click("#send");
    browser.await(IDLE + " && document.querySelector('.facts .map')");
    assertThat(shownAnswer()).isEqualTo(expected(List.of("Describe a fox.")));
  }

  @Test
  void theAttentionOfAnAnswerIsDrawnOnDemand() throws Exception {
    fill("#max-tokens", "20");
    ask("Describe a fox.");
    browser.await(IDLE + " && document.querySelector('.facts .map')");
    browser.click(".facts .map");
    browser.await("document.getElementById('map-image').naturalWidth > 20");
    assertThat(browser.evaluate("document.getElementById('map').open").booleanValue()).isTrue();
    save("attention", browser.screenshot());
    fill("#map-layer", "99");
    browser.pressEnter(false);
    browser.await("document.getElementById('map-failure').textContent.includes('layer')");
    assertThat(browser.evaluate("document.getElementById('map').open").booleanValue()).isTrue();
    assertThat(browser.evaluate("document.getElementById('map-image').hidden").booleanValue())
        .isTrue();
    browser.click("#map button");
    assertThat(browser.evaluate("document.getElementById('map').open").booleanValue()).isFalse();
  }

  @Test
  void thePageFitsNarrowAndWideInBothColours() throws Exception {
    ask("Tell me a story about a brave fox.");
    browser.await(IDLE + " && " + ANSWER + "?.textContent.length > 0");
    ask("WhatIsYourName".repeat(12));
    browser.await(IDLE + " && document.querySelectorAll('.facts .map').length === 2");
    save("settings", browser.screenshot());
    browser.click("#settings-button");
    for (int width : new int[] {340, 1100}) {
      for (String colours : List.of("light", "dark")) {
        browser.resize(width, 700, colours);
        save(colours + "-" + width, browser.screenshot());
        assertThat(browser.evaluate("document.documentElement.scrollWidth").intValue())
            .as("%d wide", width)
            .isLessThanOrEqualTo(width);
        assertThat(browser.evaluate("document.querySelector('#chat').scrollWidth").intValue())
            .isLessThanOrEqualTo(width);
        for (String control : List.of("#send", "#new-button", "#settings-button")) {
          assertThat(
                  browser
                      .evaluate(
                          "document.querySelector('" + control + "').getBoundingClientRect().right")
                      .doubleValue())
              .as("%s at %d", control, width)
              .isLessThanOrEqualTo(width);
        }
      }
    }
  }

  private static void save(String name, byte[] png) throws Exception {
    Path folder = Path.of("target", "web-page");
    Files.createDirectories(folder);
    Files.write(folder.resolve(name + ".png"), png);
  }
}
