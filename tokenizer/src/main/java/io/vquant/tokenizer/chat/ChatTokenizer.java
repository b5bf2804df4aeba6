package io.vquant.tokenizer.chat;

import io.vquant.tokenizer.Tokenizer;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Conversations to ids, as transformers' {@code apply_chat_template(tokenize=True)}, except that
 * control tokens written in messages, tools, documents or arguments stay text. No special tokens
 * are added: templates write them.
 */
public record ChatTokenizer(Tokenizer tokenizer, ChatTemplates templates) {

  /**
   * The templates of the folder that a tokenizer came from.
   *
   * @throws io.vquant.tokenizer.MalformedTokenizerException if a file there does not hold templates
   */
  public static ChatTokenizer of(Tokenizer tokenizer, Path modelDirOrFile) {
    Path dir =
        Files.isDirectory(modelDirOrFile)
            ? modelDirOrFile
            : modelDirOrFile.toAbsolutePath().getParent();
    return new ChatTokenizer(tokenizer, ChatTemplates.read(dir, tokenizer.settings()));
  }

  /**
   * Renders by the template that suits the request.
   *
   * @throws IllegalArgumentException if the model lacks the template
   * @throws io.vquant.tokenizer.chat.jinja.TemplateException if the template refuses the
   *     conversation, or cannot be run
   */
  public RenderedChat render(ChatRequest request) {
    boolean hasTools = request.tools() != null;
    return templates.choose(request.templateName(), hasTools).render(request);
  }

  /**
   * Control tokens count where the template wrote every one of their characters. Where no message
   * holds any, the ids are those of the whole text.
   *
   * @throws IllegalArgumentException if the prompt is longer than {@link Tokenizer#MAX_TEXT_CHARS}
   */
  public int[] encode(RenderedChat chat) {
    return tokenizer.encode(chat.text(), chat::fromTemplate);
  }
}
