package io.vquant.engine.server;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** The small model with a template that knows tools, and a way to have it call one. */
final class ToolModel {
  private static final String TEMPLATE =
      "{{ bos_token }}{% if tools %}{{ '<|im_start|>system\\nTools, called by"
          + " <|python_tag|>: ' }}{{ tools | tojson }}{{ '<|im_end|>\\n' }}{% endif %}"
          + "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' }}"
          + "{% if m.tool_calls %}{% for c in m.tool_calls %}{{ c.function.name }}"
          + "{{ c.function.arguments | tojson }}{% endfor %}{% else %}{{ m['content'] }}{% endif %}"
          + "{{ '<|im_end|>\\n' }}{% endfor %}"
          + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

  private ToolModel() {}

  /** Makes the small model write this JSON and nothing else. */
  static String forced(String json) {
    return "\"response_format\": {\"type\": \"json_schema\", \"json_schema\": {\"name\": \"x\","
        + " \"schema\": {\"const\": "
        + json
        + "}}}, ";
  }

  static void copyTo(Path to) throws IOException {
    Path from = ServerFixture.modelFolder();
    try (Stream<Path> files = Files.list(from)) {
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(file.getFileName()));
      }
    }
    Files.writeString(to.resolve("chat_template.jinja"), TEMPLATE);
  }
}
