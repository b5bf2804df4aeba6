package io.vquant.engine.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Calls are found in what a model writes, however it comes in pieces. */
class ToolCallReaderTest {
  private static final long SEED = 13;

  @ParameterizedTest
  @CsvSource(
      delimiter = '~',
      quoteCharacter = '`',
      textBlock =
          """
          HERMES  ~ Let me see. <tool_call>\\n{"name": "add", "arguments": {"a": 1}}\\n</tool_call> ~ Let me see.  ~ add {"a":1}
          HERMES  ~ <tool_call>{"name": "add", "arguments": {"a": 1}}</tool_call>\\n<tool_call>{"name": "sub", "arguments": {}}</tool_call> ~ `` ~ add {"a":1}; sub {}
          HERMES  ~ <tool_call>{"name": "add", "arguments": {"s": "</b>"}}                     ~ `` ~ add {"s":"</b>"}
          HERMES  ~ <tool_call>{"name": "mul", "arguments": {}}</tool_call>                    ~ <tool_call>{"name": "mul", "arguments": {}}</tool_call> ~ ``
          HERMES  ~ a < b and <tool_ but no call                                                ~ a < b and <tool_ but no call ~ ``
          HERMES  ~ <tool_call>{"name": "add", "argum                                           ~ <tool_call>{"name": "add", "argum ~ ``
          MISTRAL ~ [TOOL_CALLS] [{"name": "add", "arguments": {"a": [1, 2]}}, {"name": "sub", "arguments": {}}] ~ `` ~ add {"a":[1,2]}; sub {}
          MISTRAL ~ [TOOL_CALLS]add[ARGS]{"a": 1}[TOOL_CALLS]sub[CALL_ID]x1[ARGS]{}             ~ `` ~ add {"a":1}; sub {}
          MISTRAL ~ No tools needed.                                                            ~ No tools needed. ~ ``
          LLAMA   ~ {"name": "add", "parameters": {"a": "1"}}                                    ~ `` ~ add {"a":"1"}
          LLAMA   ~ <|python_tag|>{"name": "add", "parameters": {}}; {"name": "sub", "parameters": {"x": null}} ~ `` ~ add {}; sub {"x":null}
          LLAMA   ~ {"name": "other", "parameters": {}}                                         ~ {"name": "other", "parameters": {}} ~ ``
          LLAMA   ~ {"just": "JSON"} and text                                                   ~ {"just": "JSON"} and text ~ ``
          LLAMA   ~ The set {1, 2} is no call.                                                  ~ The set {1, 2} is no call. ~ ``
          """)
  void callsAndTextAreToldApart(String style, String answer, String text, String calls) {
    String whole = answer.replace("\\n", "\n");
    Random random = new Random(SEED);
    for (int round = 0; round < 30; round++) {
      ToolCallReader reader =
          new ToolCallReader(ToolCallStyle.valueOf(style), Set.of("add", "sub"), () -> "id");
      StringBuilder told = new StringBuilder();
      for (int at = 0; at < whole.length(); ) {
        int end =
            round == 0 ? whole.length() : Math.min(whole.length(), at + 1 + random.nextInt(6));
        told.append(reader.push(whole.substring(at, end)));
        at = end;
      }
      told.append(reader.finish());
      List<String> found =
          reader.calls().stream().map(call -> call.name() + " " + call.arguments()).toList();
      assertThat(String.join("; ", found)).as("seed %d, round %d", SEED, round).isEqualTo(calls);
      assertThat(told.toString().strip()).isEqualTo(text.strip());
    }
  }

  @Test
  void stylesAreKnownByTheirTemplates() {
    assertThat(ToolCallStyle.of("{% if tools %}<tool_call>{% endif %}"))
        .contains(ToolCallStyle.HERMES);
    assertThat(ToolCallStyle.of("{% if tools %}[TOOL_CALLS]{% endif %}"))
        .contains(ToolCallStyle.MISTRAL);
    assertThat(ToolCallStyle.of("{% if tools %}<|start_header_id|> \"parameters\"{% endif %}"))
        .contains(ToolCallStyle.LLAMA);
    assertThat(ToolCallStyle.of("{{ messages[0].content }}")).isEmpty();
    assertThat(ToolCallStyle.of("{% if tools %}?{% endif %}")).isEmpty();
  }
}
