package io.vquant.tokenizer.chat;

import io.vquant.tokenizer.JsonFile;
import io.vquant.tokenizer.MalformedTokenizerException;
import io.vquant.tokenizer.TokenizerSettings;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The chat templates of a model by name; a single one is called {@code default}. They come from the
 * first of these that has any, as in transformers:
 *
 * <ol>
 *   <li>{@code chat_template.jinja} (the default) and {@code additional_chat_templates/NAME.jinja};
 *   <li>{@code chat_template} in {@code tokenizer_config.json}: a string, or a list of {@code
 *       {"name", "template"}};
 *   <li>{@code chat_template} in {@code chat_template.json}, the older place for models of several
 *       modalities.
 * </ol>
 *
 * A template is parsed when it is first chosen, so a broken one that is never used does no harm.
 */
public final class ChatTemplates {
  private static final String DEFAULT = "default";
  private static final String TOOL_USE = "tool_use";

  private final SortedMap<String, String> sources;
  private final TokenizerSettings settings;

  private ChatTemplates(SortedMap<String, String> sources, TokenizerSettings settings) {
    this.sources = sources;
    this.settings = settings;
  }

  /**
   * Finds the templates in a model's folder; there may be none.
   *
   * @throws MalformedTokenizerException if a file is there and does not hold templates
   */
  public static ChatTemplates read(Path modelDir, TokenizerSettings settings) {
    SortedMap<String, String> sources = new TreeMap<>();
    readFiles(modelDir, sources);
    if (sources.isEmpty()) {
      readValue(settings.file(), settings.chatTemplate(), sources);
    }
    Path legacy = modelDir.resolve("chat_template.json");
    if (sources.isEmpty() && Files.exists(legacy)) {
      readValue(legacy, JsonFile.readObject(legacy).get("chat_template"), sources);
    }
    return new ChatTemplates(sources, settings);
  }

  /** Only this template, whatever the model brings. */
  public static ChatTemplates only(String source, TokenizerSettings settings) {
    return new ChatTemplates(new TreeMap<>(Map.of(DEFAULT, source)), settings);
  }

  public Set<String> names() {
    return Set.copyOf(sources.keySet());
  }

  /** The text of a template, not parsed. */
  public Optional<String> source(String name) {
    return Optional.ofNullable(sources.get(name));
  }

  /**
   * Chooses as transformers does: the named one; without a name {@code tool_use} if there are tools
   * and there is one of that name, else {@code default}.
   *
   * @throws IllegalArgumentException if there is no such template
   * @throws io.vquant.tokenizer.chat.jinja.TemplateException if it is not a template that the
   *     engine can run
   */
  public ChatTemplate choose(@Nullable String name, boolean hasTools) {
    String chosen =
        name != null ? name : hasTools && sources.containsKey(TOOL_USE) ? TOOL_USE : DEFAULT;
    String source = sources.get(chosen);
    if (source == null) {
      String available =
          sources.isEmpty()
              ? "the model has no chat template"
              : "the model has " + String.join(", ", sources.keySet());
      throw new IllegalArgumentException("chat template '%s': %s".formatted(chosen, available));
    }
    return ChatTemplate.parse(source, settings);
  }

  private static void readFiles(Path modelDir, SortedMap<String, String> sources) {
    Path single = modelDir.resolve("chat_template.jinja");
    if (Files.exists(single)) {
      sources.put(DEFAULT, JsonFile.readText(single));
    }
    Path more = modelDir.resolve("additional_chat_templates");
    if (!Files.isDirectory(more)) {
      return;
    }
    try (DirectoryStream<Path> files = Files.newDirectoryStream(more, "*.jinja")) {
      for (Path file : files) {
        String fileName = String.valueOf(file.getFileName());
        sources.put(
            fileName.substring(0, fileName.length() - ".jinja".length()), JsonFile.readText(file));
      }
    } catch (IOException e) {
      throw new MalformedTokenizerException(more, "", "a folder of templates", e.toString());
    }
  }

  private static void readValue(
      Path file, @Nullable Object value, SortedMap<String, String> sources) {
    switch (value) {
      case null -> {}
      case String source -> sources.put(DEFAULT, source);
      case List<?> list -> {
        for (Object entry : list) {
          if (!(entry instanceof Map<?, ?> named
              && named.get("name") instanceof String name
              && named.get("template") instanceof String source)) {
            throw new MalformedTokenizerException(
                file,
                "chat_template",
                "a list of objects with 'name' and 'template'",
                String.valueOf(entry));
          }
          sources.put(name, source);
        }
      }
      case Map<?, ?> byName -> {
        for (Map.Entry<?, ?> entry : byName.entrySet()) {
          if (!(entry.getValue() instanceof String source)) {
            throw new MalformedTokenizerException(
                file,
                "chat_template." + entry.getKey(),
                "a string",
                String.valueOf(entry.getValue()));
          }
          sources.put(String.valueOf(entry.getKey()), source);
        }
      }
      default ->
          throw new MalformedTokenizerException(
              file, "chat_template", "a string or a list", value.toString());
    }
  }
}
