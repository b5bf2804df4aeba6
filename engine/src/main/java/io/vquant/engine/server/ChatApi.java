package io.vquant.engine.server;

import io.vquant.engine.GenerationRequest;
import io.vquant.engine.InvalidPromptException;
import io.vquant.engine.batching.BatchRequest;
import io.vquant.tokenizer.chat.ChatMessage;
import io.vquant.tokenizer.chat.ChatRequest;
import io.vquant.tokenizer.chat.ChatTokenizer;
import io.vquant.tokenizer.chat.jinja.TemplateException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads the body of {@code /v1/chat/completions}. */
record ChatApi(ServedModel model, AnswerIds ids) {

  AnswerShape read(Map<String, @Nullable Object> body) {
    JsonFields fields = new JsonFields("", body);
    model.requireName(fields);
    List<ChatMessage> messages = ChatMessages.read(fields);
    GenerationFields generation =
        GenerationFields.read(
            fields, model.engine().generationDefaults().sampling(), model.vocabSize());
    List<Map<String, @Nullable Object>> tools = tools(fields);
    ToolCallStyle style = tools.isEmpty() ? null : styleOf();
    boolean logprobs = fields.flag("logprobs", false);
    Long top = fields.integer("top_logprobs", 0, BatchRequest.MAX_TOP_LOGPROBS);
    if (top != null && !logprobs) {
      throw ApiFailure.badField("top_logprobs", "needs logprobs to be true");
    }
    int maxTokens = maxTokens(fields);
    generation = generation.with(ResponseFormat.read(fields, model));
    ChatRequest chat =
        new ChatRequest(
            messages, tools.isEmpty() ? null : tools, null, true, null, templateArguments(fields));
    if (fields.any("modalities") instanceof List<?> kinds && !kinds.equals(List.of("text"))) {
      throw ApiFailure.badField("modalities", "expected [\"text\"]");
    }
    fields.requireAllRead();
    int[] prompt = encode(chat);
    List<BatchRequest> requests = new ArrayList<>();
    for (int choice = 0; choice < generation.choices(); choice++) {
      GenerationRequest request = request(prompt, generation, choice, maxTokens);
      int topLogprobs = logprobs ? top == null ? 0 : (int) (long) top : BatchRequest.NO_LOGPROBS;
      requests.add(new BatchRequest(request, topLogprobs, false, true, markers(style)));
    }
    return new ChatAnswer(
        ids.next("chatcmpl-"),
        model,
        requests,
        generation.stream(),
        generation.includeUsage(),
        logprobs,
        style,
        names(tools),
        ids);
  }

  private static int maxTokens(JsonFields fields) {
    Long newName = fields.integer("max_completion_tokens", 1, Integer.MAX_VALUE);
    Long oldName = fields.integer("max_tokens", 1, Integer.MAX_VALUE);
    if (newName != null && oldName != null && !newName.equals(oldName)) {
      throw ApiFailure.badField("max_tokens", "differs from max_completion_tokens");
    }
    Long given = newName == null ? oldName : newName;
    return given == null ? GenerationRequest.UNLIMITED : (int) (long) given;
  }

  private GenerationRequest request(
      int[] prompt, GenerationFields generation, int choice, int maxTokens) {
    try {
      GenerationRequest request =
          GenerationRequest.builder(prompt)
              .sampling(generation.samplingOf(choice))
              .maxTokens(maxTokens)
              .stopStrings(generation.stop())
              .ignoreEos(generation.ignoreEos())
              .logitsProcessors(generation.newProcessors())
              .build();
      model.engine().requireValid(request);
      return request;
    } catch (InvalidPromptException e) {
      throw ApiFailure.badField("messages", String.valueOf(e.getMessage()));
    }
  }

  private int[] encode(ChatRequest chat) {
    ChatTokenizer tokenizer = model.chat();
    if (tokenizer.templates().names().isEmpty()) {
      throw ApiFailure.badField(
          "messages", "this model has no chat template; /v1/completions takes plain text");
    }
    try {
      return tokenizer.encode(tokenizer.render(chat));
    } catch (TemplateException | IllegalArgumentException e) {
      throw ApiFailure.badField("messages", "the chat template refuses them: " + e.getMessage());
    }
  }

  private static Map<String, @Nullable Object> templateArguments(JsonFields fields) {
    JsonFields arguments = fields.object("chat_template_kwargs");
    Map<String, @Nullable Object> values = new LinkedHashMap<>();
    if (arguments != null) {
      values.putAll(arguments.rest());
    }
    for (String own : List.of("messages", "tools", "documents", "add_generation_prompt")) {
      if (values.containsKey(own)) {
        throw ApiFailure.badField("chat_template_kwargs." + own, "belongs to the request itself");
      }
    }
    return values;
  }

  /** The functions that the model may call; empty when {@code tool_choice} says none. */
  private static List<Map<String, @Nullable Object>> tools(JsonFields fields) {
    List<?> values = fields.list("tools");
    Object choice = fields.any("tool_choice");
    if (choice != null && !choice.equals("auto") && !choice.equals("none")) {
      throw ApiFailure.badField(
          "tool_choice", "is " + JsonFields.kind(choice) + ", expected \"auto\" or \"none\"");
    }
    if (!fields.flag("parallel_tool_calls", true)) {
      throw ApiFailure.badField("parallel_tool_calls", "expected true: calls are not counted");
    }
    if (values == null) {
      return List.of();
    }
    List<Map<String, @Nullable Object>> tools = new ArrayList<>();
    for (Object value : values) {
      tools.add(tool("tools[" + tools.size() + "]", value));
    }
    return "none".equals(choice) ? List.of() : tools;
  }

  private static Map<String, @Nullable Object> tool(String path, @Nullable Object value) {
    JsonFields tool = JsonFields.of(path, value);
    String type = tool.requiredString("type");
    if (!type.equals("function")) {
      throw ApiFailure.badField(path + ".type", "is \"" + type + "\", expected \"function\"");
    }
    JsonFields function = tool.object("function");
    if (function == null) {
      throw ApiFailure.badField(path + ".function", "is missing, expected an object");
    }
    Map<String, @Nullable Object> named = new LinkedHashMap<>();
    named.put("name", function.requiredString("name"));
    String description = function.string("description");
    named.put("description", description == null ? "" : description);
    Object parameters = function.any("parameters");
    if (parameters != null && !(parameters instanceof Map)) {
      throw ApiFailure.badField(path + ".function.parameters", "expected a JSON schema object");
    }
    named.put(
        "parameters",
        parameters == null ? Map.of("type", "object", "properties", Map.of()) : parameters);
    if (function.flag("strict", false)) {
      throw ApiFailure.badField(path + ".function.strict", "is not supported, expected false");
    }
    function.requireAllRead();
    tool.requireAllRead();
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("type", "function");
    json.put("function", named);
    return json;
  }

  private ToolCallStyle styleOf() {
    String name = model.chat().templates().names().contains("tool_use") ? "tool_use" : "default";
    return model
        .chat()
        .templates()
        .source(name)
        .flatMap(ToolCallStyle::of)
        .orElseThrow(
            () -> ApiFailure.badField("tools", "this model's chat template does not know tools"));
  }

  private static Set<String> names(List<Map<String, @Nullable Object>> tools) {
    Set<String> names = new LinkedHashSet<>();
    for (Map<String, @Nullable Object> tool : tools) {
      if (tool.get("function") instanceof Map<?, ?> function) {
        names.add(String.valueOf(function.get("name")));
      }
    }
    return names;
  }

  /** Control tokens that announce calls, which the answer's text must show. */
  private Set<Integer> markers(@Nullable ToolCallStyle style) {
    Set<Integer> shown = new LinkedHashSet<>();
    if (style != null) {
      for (String text : List.of(style.marker(), "</tool_call>", "[ARGS]", "[CALL_ID]")) {
        model.tokenizer().tokenId(text).ifPresent(shown::add);
      }
    }
    return shown;
  }
}
