package io.vquant.engine.grammar;

/** A schema asks for something that the grammar cannot keep, or is no schema. */
public final class UnsupportedSchemaException extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private final String place;

  /**
   * @param place in the schema, such as {@code properties.name.pattern}
   */
  UnsupportedSchemaException(String place, String message) {
    super(message);
    this.place = place;
  }

  /** Where in the schema, such as {@code properties.name.pattern}; empty for the whole. */
  public String place() {
    return place;
  }
}
