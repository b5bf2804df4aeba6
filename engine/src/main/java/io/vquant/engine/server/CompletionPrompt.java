package io.vquant.engine.server;

import io.vquant.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The prompts of a completion: a text, token ids, or a list of either. */
final class CompletionPrompt {
  private static final int MAX_PROMPTS = 64;

  private CompletionPrompt() {}

  static List<int[]> read(JsonFields fields, Tokenizer tokenizer) {
    Object value = fields.any("prompt");
    List<int[]> prompts = new ArrayList<>();
    switch (value) {
      case String text -> prompts.add(encode("prompt", text, tokenizer));
      case List<?> list when isIds(list) -> prompts.add(ids("prompt", list));
      case List<?> list -> {
        if (list.isEmpty() || list.size() > MAX_PROMPTS) {
          throw ApiFailure.badField(
              "prompt", "has " + list.size() + " prompts, expected 1 to " + MAX_PROMPTS);
        }
        for (Object entry : list) {
          String path = "prompt[" + prompts.size() + "]";
          prompts.add(
              switch (entry) {
                case String text -> encode(path, text, tokenizer);
                case List<?> ids when isIds(ids) -> ids(path, ids);
                case null, default -> throw bad(path, entry);
              });
        }
      }
      case null, default -> throw bad("prompt", value);
    }
    return prompts;
  }

  private static boolean isIds(List<?> list) {
    return !list.isEmpty() && list.getFirst() instanceof Number;
  }

  private static int[] ids(String path, List<?> list) {
    int[] ids = new int[list.size()];
    for (int i = 0; i < ids.length; i++) {
      if (!(list.get(i) instanceof Integer id)) {
        throw ApiFailure.badField(
            path + "[" + i + "]", "is " + JsonFields.kind(list.get(i)) + ", expected a token id");
      }
      ids[i] = id;
    }
    return ids;
  }

  private static int[] encode(String path, String text, Tokenizer tokenizer) {
    if (text.length() > Tokenizer.MAX_TEXT_CHARS) {
      throw ApiFailure.badField(
          path,
          "has " + text.length() + " characters, expected at most " + Tokenizer.MAX_TEXT_CHARS);
    }
    int[] ids = tokenizer.encodeRaw(text);
    if (ids.length == 0) {
      throw ApiFailure.badField(path, "has no tokens, expected at least 1");
    }
    return ids;
  }

  private static ApiFailure bad(String path, @Nullable Object value) {
    return ApiFailure.badField(
        path,
        "is "
            + JsonFields.kind(value)
            + ", expected a string, a list of token ids, or a list of either");
  }

  /** The same tokens less the first. */
  static int[] rest(int[] ids) {
    return Arrays.copyOfRange(ids, 1, ids.length);
  }
}
