package io.vquant.tokenizer;

import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * One tokenizer of the Rust library. It calls the binding below {@code HuggingFaceTokenizer}: that
 * class fetches words, spans, masks and tokens of every encoding (five arrays of objects that
 * nobody reads here), and calls home when it is created.
 *
 * <p>For any number of threads; closing waits for calls under way.
 */
final class NativeTokenizer implements AutoCloseable {
  private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
  private long handle;

  /**
   * @param json the text of a tokenizer.json whose truncation and padding do not matter: they are
   *     switched off
   * @throws RuntimeException with the library's message if it does not accept the text
   */
  NativeTokenizer(String json) {
    handle = TokenizersLibrary.LIB.createTokenizerFromString(json);
    TokenizersLibrary.LIB.disableTruncation(handle);
    TokenizersLibrary.LIB.disablePadding(handle);
  }

  /**
   * @param wellFormed text without lone surrogates
   * @param addSpecialTokens whether the post-processor adds its own
   */
  int[] encode(String wellFormed, boolean addSpecialTokens) {
    lock.readLock().lock();
    try {
      long encoding = TokenizersLibrary.LIB.encode(openHandle(), wellFormed, addSpecialTokens);
      try {
        return toInts(TokenizersLibrary.LIB.getTokenIds(encoding));
      } finally {
        TokenizersLibrary.LIB.deleteEncoding(encoding);
      }
    } finally {
      lock.readLock().unlock();
    }
  }

  /** Ids without a token are skipped by the library: the caller checks them. */
  String decode(int[] ids, boolean skipSpecial) {
    long[] wide = new long[ids.length];
    for (int i = 0; i < ids.length; i++) {
      wide[i] = ids[i];
    }
    lock.readLock().lock();
    try {
      return TokenizersLibrary.LIB.decode(openHandle(), wide, skipSpecial);
    } finally {
      lock.readLock().unlock();
    }
  }

  private long openHandle() {
    if (handle == 0) {
      throw new IllegalStateException("the tokenizer is closed");
    }
    return handle;
  }

  private static int[] toInts(long[] wide) {
    int[] ids = new int[wide.length];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = Math.toIntExact(wide[i]);
    }
    return ids;
  }

  @Override
  public void close() {
    lock.writeLock().lock();
    try {
      if (handle != 0) {
        TokenizersLibrary.LIB.deleteTokenizer(handle);
        handle = 0;
      }
    } finally {
      lock.writeLock().unlock();
    }
  }
}
