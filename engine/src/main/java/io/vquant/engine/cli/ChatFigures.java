package io.vquant.engine.cli;

import io.vquant.engine.Engine;
import io.vquant.engine.FinishReason;
import io.vquant.engine.GenerationSession;
import io.vquant.engine.GenerationStats;
import io.vquant.engine.KvUsage;
import io.vquant.engine.chat.Answer;
import io.vquant.engine.chat.Conversation;
import io.vquant.kernels.kvcache.KvPolicy;
import io.vquant.kernels.tensor.DType;
import java.util.Formatter;
import java.util.List;
import java.util.Locale;

/** Numbers of a chat: after each answer, for {@code /stats} and for {@code /kv}. */
final class ChatFigures {
  private final Engine engine;
  private final Conversation conversation;
  private int answers;
  private long computedTokens;
  private long cachedTokens;
  private long prefillNanos;
  private long decodeTokens;
  private long decodeNanos;
  private String last = "";

  ChatFigures(Engine engine, Conversation conversation) {
    this.engine = engine;
    this.conversation = conversation;
  }

  /** Takes an answer in and describes it in a line. */
  String add(Answer answer) {
    GenerationStats stats = answer.stats();
    answers++;
    computedTokens += stats.prefillTokens();
    cachedTokens += stats.cachedTokens();
    prefillNanos += stats.prefillNanos();
    decodeTokens += stats.decodeTokens();
    decodeNanos += stats.decodeNanos();
    GenerationSession session = conversation.session();
    last =
        String.format(
            Locale.ROOT,
            "%d tokens at %.1f t/s; prompt %d new at %.1f t/s, %d cached; context %d of %d,"
                + " KV cache %s%s",
            answer.result().tokenIds().length,
            stats.decodeTokensPerSecond(),
            stats.prefillTokens(),
            stats.prefillTokensPerSecond(),
            stats.cachedTokens(),
            session.tokenIds().length,
            engine.contextLength(),
            Quantities.bytes(session.kvCacheByteSize()),
            ending(answer.finishReason()));
    return last;
  }

  private String ending(FinishReason reason) {
    return switch (reason) {
      case STOP, STOP_TEXT -> "";
      case LENGTH -> "; ended by max-tokens";
      case CANCELLED -> "; stopped";
      case CONTEXT -> "; the context is full";
    };
  }

  /** Of the whole chat. */
  String stats() {
    try (Formatter text = new Formatter(Locale.ROOT)) {
      text.format(
          "answers            %d, to %d messages in the conversation%n",
          answers, conversation.exchangeCount());
      if (!last.isEmpty()) {
        text.format("last               %s%n", last);
      }
      text.format(
          "prompt tokens      %d computed at %.1f t/s, %d taken from the cache%n",
          computedTokens, rate(computedTokens, prefillNanos), cachedTokens);
      text.format(
          "decoded tokens     %d at %.1f t/s%n", decodeTokens, rate(decodeTokens, decodeNanos));
      text.format(
          "left out           %d of the oldest messages no longer fit the context of %d%n",
          conversation.forgottenExchanges(), engine.contextLength());
      text.format(
          "memory             weights %s, KV cache %s, peak of the process %s%n",
          Quantities.bytes(engine.memoryPlan().weightByteSize()),
          Quantities.bytes(conversation.session().kvCacheByteSize()),
          Quantities.bytes(ProcessFacts.peakResidentBytes()));
      return text.toString();
    }
  }

  private static double rate(long tokens, long nanos) {
    return nanos <= 0 ? 0 : tokens * 1e9 / nanos;
  }

  /** Of the KV cache. */
  String kv() {
    KvUsage usage = conversation.session().kvUsage();
    int tokens = Math.max(1, usage.tokens());
    long plain =
        engine.config().cacheSpec(tokens, KvPolicy.plain(DType.BF16)).byteSize(usage.tokens());
    try (Formatter text = new Formatter(Locale.ROOT)) {
      text.format("policy             %s%n", engine.kvPolicy());
      text.format("tokens             %d of %d%n", usage.tokens(), engine.contextLength());
      if (usage.tokens() > 0) {
        text.format("effective bits     %.2f a number%n", engine.kvEffectiveBits(tokens));
      }
      text.format(
          "memory             %s (in bf16: %s)%n",
          Quantities.bytes(usage.byteSize()), Quantities.bytes(plain));
      List<KvUsage.Layer> layers = usage.layers();
      for (int i = 0; i < layers.size(); i++) {
        addLayer(text, i, layers.get(i), usage.tokens());
      }
      return text.toString();
    }
  }

  private static void addLayer(Formatter text, int index, KvUsage.Layer layer, int tokens) {
    text.format("layer %-3d          %s", index, layer.policy().format());
    if (layer.policy().isPlain()) {
      text.format(", all as they are%n");
      return;
    }
    StringBuilder lines = new StringBuilder();
    for (List<Integer> head : layer.lines()) {
      lines.append(lines.isEmpty() ? "" : ", ").append(head.size());
    }
    text.format(
        "; kept in 16 bits: lines of each KV head %s, newest tokens %d%n",
        lines, tokens - layer.windowStart());
  }
}
