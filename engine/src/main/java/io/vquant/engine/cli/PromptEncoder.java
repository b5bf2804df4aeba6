package io.vquant.engine.cli;

import io.vquant.engine.Engine;
import io.vquant.tokenizer.Tokenizer;
import io.vquant.tokenizer.chat.ChatMessage;
import io.vquant.tokenizer.chat.ChatRequest;
import io.vquant.tokenizer.chat.ChatTokenizer;
import io.vquant.tokenizer.chat.jinja.TemplateException;
import io.vquant.tokenizer.chat.jinja.TemplateRaisedException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A prompt's way to token ids: through the model's chat template, or as it is. */
record PromptEncoder(Engine engine, Path folder) {

  /**
   * Encodes {@code text}.
   *
   * @throws CommandFailure if the text is too long, the template fails, or the tokenizer gives ids
   *     that the model has no embedding for
   */
  int[] encode(String text, PromptOptions options) {
    TokenIds.requireTextFits(text);
    Tokenizer tokenizer = engine.tokenizer();
    ChatTokenizer chat = ChatTokenizer.of(tokenizer, folder);
    boolean hasTemplate = !chat.templates().names().isEmpty();
    if (!hasTemplate && options.system() != null) {
      throw CommandFailure.usage("--system: this model has no chat template that would place it");
    }
    boolean asChat = hasTemplate && !options.raw();
    int[] ids = asChat ? encodeChat(chat, text, options) : tokenizer.encodeRaw(text);
    requireEmbedded(ids);
    return ids;
  }

  private int[] encodeChat(ChatTokenizer chat, String text, PromptOptions options) {
    List<ChatMessage> messages = new ArrayList<>();
    if (options.system() != null) {
      messages.add(ChatMessage.system(options.system()));
    }
    messages.add(ChatMessage.user(text));
    try {
      return chat.encode(chat.render(ChatRequest.of(messages)));
    } catch (TemplateRaisedException e) {
      throw CommandFailure.badInput("the chat template refuses this prompt: " + e.getMessage(), e);
    } catch (TemplateException | IllegalArgumentException e) {
      throw CommandFailure.badModel(
          folder + ": the chat template cannot be used (--raw goes without it): " + e.getMessage());
    }
  }

  /**
   * Checks the tokenizer's ids against the model.
   *
   * @throws CommandFailure if the model has no embedding for one of them
   */
  void requireEmbedded(int[] ids) {
    int vocabSize = engine.config().vocabSize();
    for (int id : ids) {
      if (id >= vocabSize) {
        throw CommandFailure.badModel(
            folder.resolve("tokenizer.json")
                + ": gives token id "
                + id
                + ", expected ids below "
                + vocabSize
                + ", the rows of the model's embedding");
      }
    }
  }
}
