package io.vquant.tokenizer;

import java.util.Arrays;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/**
 * Decides which control tokens written in a text count. Holds the library's tokenizer and, once it
 * is needed, a second one in which control tokens go by other texts ({@link ControlTokenAliases}).
 */
final class TextEncoder implements AutoCloseable {
  private final TokenizerFile file;
  private final NativeTokenizer library;
  private final ControlTokens controlTokens;

  /** What the post-processor puts before a raw text, and after it. */
  private final int[] before;

  private final int[] after;
  private final ReentrantLock aliasLock = new ReentrantLock();
  private volatile @Nullable Aliased aliased;

  /** The second tokenizer and the texts that control tokens have there. */
  private record Aliased(ControlTokenAliases aliases, NativeTokenizer library) {}

  TextEncoder(TokenizerFile file, NativeTokenizer library, ControlTokens controlTokens) {
    this.file = file;
    this.library = library;
    this.controlTokens = controlTokens;
    int[] bare = library.encode("a", false);
    int[] whole = library.encode("a", true);
    int begin = indexOf(whole, bare);
    if (begin < 0) {
      throw new MalformedTokenizerException(
          file.file(),
          "post_processor",
          "one that adds tokens before and after a text",
          "one that changes the text's own ids");
    }
    before = Arrays.copyOf(whole, begin);
    after = Arrays.copyOfRange(whole, begin + bare.length, whole.length);
  }

  /** Whether {@link #encodeRaw} puts the id before the text. */
  boolean prepends(int id) {
    return Arrays.stream(before).anyMatch(added -> added == id);
  }

  /** Control tokens count, whoever wrote them. */
  int[] encodeAllTrusted(String text) {
    return library.encode(checked(text), false);
  }

  /** A control token counts where every one of its characters is trusted. */
  int[] encode(String text, IntPredicate trusted) {
    String wellFormed = checked(text);
    List<ControlTokens.Match> meant = controlTokens.trustedMatches(wellFormed, trusted);
    if (!controlTokens.occurUntrusted(wellFormed, trusted)) {
      int[] ids = library.encode(wellFormed, false);
      int[] meantIds = meant.stream().mapToInt(match -> match.token().id()).toArray();
      if (Arrays.equals(controlTokens.controlIds(ids), meantIds)) {
        return ids;
      }
      // Otherwise a normalizer made one (NFKC turns a full-width ＜s＞ into <s>), or there is the
      // token for unknown text.
    }
    Aliased second = aliased();
    StringBuilder renamed = new StringBuilder(wellFormed.length());
    int end = 0;
    for (ControlTokens.Match match : meant) {
      renamed.append(wellFormed, end, match.begin()).append(second.aliases.alias(match.token()));
      end = match.end();
    }
    String allRenamed = renamed.append(wellFormed, end, wellFormed.length()).toString();
    return second.library.encode(allRenamed, false);
  }

  /** Nothing in the text is trusted; with what the post-processor adds. */
  int[] encodeRaw(String text) {
    int[] ids = encode(text, i -> false);
    int[] all = Arrays.copyOf(before, before.length + ids.length + after.length);
    System.arraycopy(ids, 0, all, before.length, ids.length);
    System.arraycopy(after, 0, all, before.length + ids.length, after.length);
    return all;
  }

  private static String checked(String text) {
    if (text.length() > Tokenizer.MAX_TEXT_CHARS) {
      throw new IllegalArgumentException(
          "text: %d characters, at most %d can be encoded at once"
              .formatted(text.length(), Tokenizer.MAX_TEXT_CHARS));
    }
    return WellFormedText.of(text);
  }

  /**
   * Made when first needed: it costs as much as opening did, and most users never type a control
   * token.
   */
  private Aliased aliased() {
    Aliased made = aliased;
    if (made != null) {
      return made;
    }
    aliasLock.lock();
    try {
      made = aliased;
      if (made == null) {
        ControlTokenAliases aliases = new ControlTokenAliases(controlTokens.tokens());
        made = new Aliased(aliases, new NativeTokenizer(aliases.rewrite(file.json().toString())));
        aliased = made;
      }
      return made;
    } finally {
      aliasLock.unlock();
    }
  }

  private static int indexOf(int[] whole, int[] part) {
    for (int begin = 0; begin + part.length <= whole.length; begin++) {
      if (Arrays.equals(whole, begin, begin + part.length, part, 0, part.length)) {
        return begin;
      }
    }
    return -1;
  }

  @Override
  public void close() {
    library.close();
    aliasLock.lock();
    try {
      Aliased made = aliased;
      if (made != null) {
        made.library.close();
      }
    } finally {
      aliasLock.unlock();
    }
  }
}
