package io.vquant.engine.hub;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A model on a hub, {@code ORG/NAME} or {@code ORG/NAME@REVISION}.
 *
 * @param organization who publishes it
 * @param name of the repository
 * @param revision a branch, a tag or a commit
 */
public record ModelName(String organization, String name, String revision) {
  private static final String MAIN = "main";
  private static final String PART = "[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?";
  private static final Pattern FORM =
      Pattern.compile("(" + PART + ")/(" + PART + ")(?:@([A-Za-z0-9_][A-Za-z0-9._/-]{0,254}))?");

  /** Reads a name; empty if it has not that form. */
  public static Optional<ModelName> parse(String text) {
    Matcher matcher = FORM.matcher(text);
    if (!matcher.matches() || text.contains("..") || text.contains("//") || text.endsWith("/")) {
      return Optional.empty();
    }
    String revision = matcher.group(3);
    return Optional.of(
        new ModelName(matcher.group(1), matcher.group(2), revision == null ? MAIN : revision));
  }

  /** {@code ORG/NAME}. */
  public String repository() {
    return organization + "/" + name;
  }

  /** The folder of a pulled model below that of all: a revision other than main has its own. */
  public String folder() {
    return revision.equals(MAIN) ? repository() : repository() + "@" + revision.replace('/', '~');
  }

  /** As a user would write it. */
  @Override
  public String toString() {
    return revision.equals(MAIN) ? repository() : repository() + "@" + revision;
  }
}
