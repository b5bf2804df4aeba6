package io.vquant.engine.server;

import static io.vquant.engine.server.ServerFixture.messages;
import static org.assertj.core.api.Assertions.assertThat;

import io.vquant.engine.batching.BatchCounters;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Clients that ask and do not read what they asked for. */
class SlowReaderTest {
  private static final int CHOICES = 4;
  private static final int TOKENS = 900;
  private static final long GIVEN_UP_MILLIS = 1000;
  private ServerFixture fixture;

  @BeforeEach
  void start() {
    fixture =
        new ServerFixture(
            ServerFixture.modelFolder(), 8, 8, null, 1024, Duration.ofMillis(GIVEN_UP_MILLIS));
  }

  @AfterEach
  void stop() {
    if (fixture != null) {
      fixture.close();
    }
  }

  /** More bytes than the two sockets' buffers and the server's events hold. */
  private Socket askForMuch() throws IOException {
    String body =
        "{\"stream\": true, \"ignore_eos\": true, \"max_tokens\": %d, \"n\": %d, \"logprobs\": true, \"top_logprobs\": 20, %s}"
            .formatted(TOKENS, CHOICES, messages("Tell me a story."));
    Socket socket = new Socket();
    socket.setReceiveBufferSize(4096); // before the connection: it bounds the window
    socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), fixture.port()));
    String head =
        "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: "
            + body.length()
            + "\r\n\r\n";
    socket.getOutputStream().write((head + body).getBytes(StandardCharsets.US_ASCII));
    return socket;
  }

  @Test
  void othersAreAnsweredMeanwhileAndItIsGivenUp() throws Exception {
    try (Socket slow = askForMuch()) {
      while (fixture.server.counters().cancelled() == 0) {
        assertThat(fixture.chat("\"max_tokens\": 5, " + messages("Hi")).get("choices").size())
            .isEqualTo(1);
      }
      BatchCounters counters = fixture.idle();
      assertThat(counters.cancelled()).isEqualTo(CHOICES);
      assertThat(counters.failed()).isZero();
      assertThat(readAll(slow)).doesNotContain("[DONE]");
    }
  }

  /** What is left in the buffers; the end may come as a reset. */
  private static String readAll(Socket socket) throws IOException {
    StringBuilder text = new StringBuilder();
    byte[] buffer = new byte[1 << 16];
    try {
      for (int n = socket.getInputStream().read(buffer);
          n >= 0;
          n = socket.getInputStream().read(buffer)) {
        text.append(new String(buffer, 0, n, StandardCharsets.ISO_8859_1));
      }
    } catch (SocketException reset) {
      return text.toString();
    }
    return text.toString();
  }

  @Test
  void aClientThatReadsAgainInTimeGetsEverything() throws Exception {
    try (Socket slow = askForMuch()) {
      slow.setSoTimeout(20_000);
      byte[] buffer = new byte[1 << 16];
      String tail = "";
      long received = 0;
      for (int pauses = 0; !tail.contains("[DONE]"); ) {
        if (pauses < 3 && received >= pauses * 200_000L) {
          Thread.sleep(GIVEN_UP_MILLIS / 2);
          pauses++;
        }
        int n = slow.getInputStream().read(buffer);
        assertThat(n).as("read after %d bytes", received).isPositive();
        received += n;
        tail += new String(buffer, 0, n, StandardCharsets.ISO_8859_1);
        tail = tail.substring(Math.max(0, tail.length() - 40));
      }
      assertThat(fixture.idle().cancelled()).isZero();
      assertThat(fixture.server.counters().ended()).isEqualTo(CHOICES);
    }
  }
}
