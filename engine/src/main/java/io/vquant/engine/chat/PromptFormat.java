package io.vquant.engine.chat;

import io.vquant.tokenizer.Tokenizer;
import io.vquant.tokenizer.chat.ChatMessage;
import io.vquant.tokenizer.chat.ChatRequest;
import io.vquant.tokenizer.chat.ChatTokenizer;
import io.vquant.tokenizer.chat.RenderedChat;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/**
 * How messages become a prompt: through the model's chat template, or one after the other as they
 * are.
 *
 * <p>An answer's text may be cut into other tokens than those the model produced. Where the text of
 * a prompt begins as the conversation so far, its tokens are taken as they were, so that the cache
 * holds them; that both stand for the same text is checked by decoding. Otherwise (a template that
 * leaves out earlier thinking, or trims) the prompt is what the tokenizer makes of its text.
 */
public final class PromptFormat {
  private final Tokenizer tokenizer;
  private final @Nullable ChatTokenizer chat;

  private PromptFormat(Tokenizer tokenizer, @Nullable ChatTokenizer chat) {
    this.tokenizer = tokenizer;
    this.chat = chat;
  }

  /** By the model's template. */
  public static PromptFormat ofTemplate(ChatTokenizer chat) {
    return new PromptFormat(chat.tokenizer(), chat);
  }

  /** The contents of all messages joined, roles left out: for models without a template. */
  public static PromptFormat raw(Tokenizer tokenizer) {
    return new PromptFormat(tokenizer, null);
  }

  Tokenizer tokenizer() {
    return tokenizer;
  }

  /**
   * Renders and encodes a conversation.
   *
   * @param known beginnings with the tokens that the cache may hold, in order of preference
   * @throws io.vquant.tokenizer.chat.jinja.TemplateException if the template refuses it
   * @throws IllegalArgumentException if the text is too long to encode
   */
  EncodedText encode(ChatRequest request, List<EncodedText> known) {
    if (chat == null) {
      String text = joined(request.messages());
      return spliced(new EncodedText(text, tokenizer.encodeRaw(text)), i -> false, known);
    }
    RenderedChat rendered = chat.render(request);
    EncodedText whole = new EncodedText(rendered.text(), chat.encode(rendered));
    return spliced(whole, rendered::fromTemplate, known);
  }

  private static String joined(List<ChatMessage> messages) {
    StringBuilder text = new StringBuilder();
    for (ChatMessage message : messages) {
      if (!(message.content() instanceof String content)) {
        throw new IllegalArgumentException(
            "message of " + message.role() + ": content is not text, and there is no template");
      }
      text.append(content);
    }
    return text.toString();
  }

  private EncodedText spliced(EncodedText whole, IntPredicate trusted, List<EncodedText> known) {
    for (EncodedText beginning : known) {
      if (whole.text().startsWith(beginning.text())) {
        int[] again =
            chat == null
                ? tokenizer.encodeRaw(beginning.text())
                : tokenizer.encode(beginning.text(), trusted);
        if (startsWith(whole.ids(), again) && sameText(again, beginning.ids())) {
          int[] rest = Arrays.copyOfRange(whole.ids(), again.length, whole.length());
          return beginning.then(whole.text().substring(beginning.text().length()), rest);
        }
      }
    }
    return whole;
  }

  private static boolean startsWith(int[] ids, int[] beginning) {
    return ids.length >= beginning.length
        && Arrays.equals(ids, 0, beginning.length, beginning, 0, beginning.length);
  }

  private boolean sameText(int[] a, int[] b) {
    return Arrays.equals(a, b)
        || (haveTokens(b) && tokenizer.decode(a, false).equals(tokenizer.decode(b, false)));
  }

  /** A model may produce ids beyond the tokenizer's: padding rows of its output layer. */
  private boolean haveTokens(int[] ids) {
    return Arrays.stream(ids).allMatch(tokenizer::hasToken);
  }
}
