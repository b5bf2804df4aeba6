package io.vquant.engine.server;

import io.vquant.engine.batching.TokenScore;
import io.vquant.tokenizer.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Tokens and their scores as answers show them. */
record TokenTexts(Tokenizer tokenizer) {

  /** A token's own text; bytes that are no character alone show as U+FFFD. */
  String text(int tokenId) {
    return tokenizer.hasToken(tokenId) ? tokenizer.decode(new int[] {tokenId}, false) : "";
  }

  /** A token's bytes. */
  byte[] bytes(int tokenId) {
    return tokenizer
        .tokenBytes(tokenId)
        .orElseGet(() -> text(tokenId).getBytes(StandardCharsets.UTF_8));
  }

  /** {@code logprobs.content} of a chat. */
  List<Map<String, Object>> chatLogprobs(List<TokenScore> scores) {
    List<Map<String, Object>> content = new ArrayList<>();
    for (TokenScore score : scores) {
      Map<String, Object> token = chatToken(score.tokenId(), score.logprob());
      List<Map<String, Object>> top = new ArrayList<>();
      for (int i = 0; i < score.topIds().length; i++) {
        top.add(chatToken(score.topIds()[i], score.topLogprobs()[i]));
      }
      token.put("top_logprobs", top);
      content.add(token);
    }
    return content;
  }

  private Map<String, Object> chatToken(int tokenId, float logprob) {
    List<Integer> unsigned = new ArrayList<>();
    for (byte b : bytes(tokenId)) {
      unsigned.add(b & 0xff);
    }
    Map<String, Object> token = new LinkedHashMap<>();
    token.put("token", text(tokenId));
    token.put("logprob", logprob);
    token.put("bytes", unsigned);
    return token;
  }

  /**
   * {@code top_logprobs} of a completion's token: text to log-probability, the token among them.
   */
  Map<String, Object> topLogprobs(TokenScore score) {
    Map<String, Object> top = new LinkedHashMap<>();
    for (int i = 0; i < score.topIds().length; i++) {
      top.putIfAbsent(text(score.topIds()[i]), score.topLogprobs()[i]);
    }
    top.put(text(score.tokenId()), score.logprob());
    return top;
  }

  /** The same of a token that nothing comes before. */
  @Nullable Object noLogprob() {
    return null;
  }
}
