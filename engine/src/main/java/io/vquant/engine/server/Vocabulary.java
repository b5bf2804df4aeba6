package io.vquant.engine.server;

import io.vquant.engine.grammar.TokenTable;
import io.vquant.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** The bytes of a model's tokens, put in order when they are first needed. */
final class Vocabulary {
  private final Tokenizer tokenizer;
  private final int vocabSize;
  private final Set<Integer> endTokens;
  private final ReentrantLock lock = new ReentrantLock();
  private @Nullable TokenTable table;

  /**
   * @param endTokens tokens that end an answer
   */
  Vocabulary(Tokenizer tokenizer, int vocabSize, Set<Integer> endTokens) {
    this.tokenizer = tokenizer;
    this.vocabSize = vocabSize;
    this.endTokens = Set.copyOf(endTokens);
  }

  /**
   * Tokens that end an answer, at least one.
   *
   * @throws ApiFailure that names the field if the model has none
   */
  Set<Integer> requireEndTokens(String field) {
    if (endTokens.isEmpty()) {
      throw ApiFailure.badField(field, "needs a model that names a token for the end of answers");
    }
    return endTokens;
  }

  /**
   * All tokens that are text.
   *
   * @throws ApiFailure that names the field if the tokenizer does not say what bytes they are
   */
  TokenTable tokens(String field) {
    lock.lock();
    try {
      if (table == null) {
        table = newTable(field);
      }
      return table;
    } finally {
      lock.unlock();
    }
  }

  private TokenTable newTable(String field) {
    List<byte @Nullable []> bytes = new ArrayList<>();
    boolean any = false;
    for (int id = 0; id < vocabSize; id++) {
      boolean text = !tokenizer.isSpecial(id) && !tokenizer.isControl(id);
      byte[] own = text ? tokenizer.tokenBytes(id).orElse(null) : null;
      any |= own != null;
      bytes.add(own);
    }
    if (!any) {
      throw ApiFailure.badField(field, "is not possible with this model's kind of tokenizer");
    }
    return new TokenTable(bytes);
  }
}
