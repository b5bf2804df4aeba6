package io.vquant.tokenizer.chat.jinja;

import io.vquant.tokenizer.chat.jinja.Statement.MacroSyntax;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A macro with the scope it was defined in.
 *
 * @param scope names that the body sees besides its own
 */
record Macro(MacroSyntax syntax, Scope scope, Renderer renderer) implements Callable {
  String name() {
    return syntax.name();
  }

  @Override
  public Object call(Execution execution, Arguments arguments) {
    execution.enter();
    int callLine = execution.line();
    Scope inside = scope.child();
    bind(execution, arguments, inside);
    TrackedText output = renderer.capture(syntax.body(), inside);
    execution.at(callLine);
    execution.leave();
    return output;
  }

  private void bind(Execution execution, Arguments arguments, Scope inside) {
    List<String> parameters = syntax.parameters();
    List<Object> positional = arguments.positional();
    Map<String, Object> keywords = new LinkedHashMap<>(arguments.keywords());
    if (positional.size() > parameters.size() && !syntax.usesVarargs()) {
      throw execution.failure(
          "macro '"
              + name()
              + "' takes at most "
              + parameters.size()
              + " arguments, "
              + positional.size()
              + " given");
    }
    int firstDefault = parameters.size() - syntax.defaults().size();
    for (int i = 0; i < parameters.size(); i++) {
      String parameter = parameters.get(i);
      Object value;
      if (i < positional.size()) {
        if (keywords.containsKey(parameter)) {
          throw execution.failure("macro '" + name() + "' got two values for '" + parameter + "'");
        }
        value = positional.get(i);
      } else if (keywords.containsKey(parameter)) {
        value = keywords.remove(parameter);
      } else if (i >= firstDefault) {
        value = renderer.evaluator().evaluate(syntax.defaults().get(i - firstDefault), inside);
      } else {
        value = Undefined.because("parameter '" + parameter + "' was not provided");
      }
      inside.set(parameter, value);
    }
    bindImplicit(execution, positional, keywords, inside);
  }

  /** The names {@code caller}, {@code varargs} and {@code kwargs}, each if the body uses it. */
  private void bindImplicit(
      Execution execution, List<Object> positional, Map<String, Object> keywords, Scope inside) {
    int numParameters = syntax.parameters().size();
    if (syntax.usesCaller() && !syntax.parameters().contains("caller")) {
      inside.set(
          "caller",
          keywords.containsKey("caller")
              ? keywords.remove("caller")
              : Undefined.because("No caller defined"));
    }
    if (syntax.usesVarargs()) {
      List<Object> rest =
          positional.size() > numParameters
              ? positional.subList(numParameters, positional.size())
              : List.of();
      inside.set("varargs", Tuple.copyOf(new ArrayList<>(rest)));
    }
    if (syntax.usesKwargs()) {
      Map<Object, Object> rest = new LinkedHashMap<>();
      keywords.forEach((name, value) -> rest.put(TrackedText.data(name), value));
      inside.set("kwargs", rest);
    } else if (!keywords.isEmpty()) {
      throw execution.failure(
          "macro '"
              + name()
              + "' takes no keyword argument '"
              + keywords.keySet().iterator().next()
              + "'");
    }
  }
}
