package io.vquant.engine.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Names of models and addresses of hubs. */
class HubNamesTest {
  @Test
  void namesOfModels() {
    assertThat(ModelName.parse("Qwen/Qwen3-0.6B"))
        .hasValue(new ModelName("Qwen", "Qwen3-0.6B", "main"));
    assertThat(ModelName.parse("a/b@refs/pr/1"))
        .hasValueSatisfying(name -> assertThat(name.folder()).isEqualTo("a/b@refs~pr~1"));
    for (String bad :
        List.of("a", "a/b/c", "../b", "a/..", "./a", "a/b@", "a/b@../x", "a/b@x/", "/a", "a /b")) {
      assertThat(ModelName.parse(bad)).as(bad).isEmpty();
    }
  }

  @Test
  void addressesOfHubs() {
    assertThat(Hub.of("https://hub.example/base/", " hf_x ").token()).isEqualTo("hf_x");
    assertThat(Hub.of("https://hub.example/base/", null).resolve("/api"))
        .hasToString("https://hub.example/base/api");
    Map<String, String> bad =
        Map.of(
            "ftp://x", "expected an address",
            "hub.example", "expected an address",
            "https://user:pw@x", "expected an address",
            "http://x?y", "expected an address",
            "http:// x", "not an address");
    bad.forEach((address, words) ->
        assertThatThrownBy(() -> Hub.of(address, null))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining(words));
    assertThatThrownBy(() -> Hub.of("http://hub.example", "hf_x"))
        .hasMessageContaining("readable over the network")
        .hasMessageNotContaining("hf_x");
    assertThatThrownBy(() -> Hub.of("https://hub.example", "two\nlines"))
        .hasMessageNotContaining("lines\n");
  }
}
