package io.vquant.engine.server;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A call of a function that the model asks for.
 *
 * @param arguments JSON text of an object
 */
record ToolCall(String id, String name, String arguments) {

  /** The call as OpenAI writes it. */
  Map<String, Object> toJson() {
    Map<String, Object> function = new LinkedHashMap<>();
    function.put("name", name);
    function.put("arguments", arguments);
    Map<String, Object> call = new LinkedHashMap<>();
    call.put("id", id);
    call.put("type", "function");
    call.put("function", function);
    return call;
  }
}
