namespace Rag.Ingestion.Parsing.Formats;
internal static class EmailParser { public static ParsedDocument Parse(ParseInput input) => throw new ParseException("unsupported", "x"); }
