namespace Rag.Ingestion.Parsing.Formats;
internal static class RtfParser { public static ParsedDocument Parse(ParseInput input) => throw new ParseException("unsupported", "x"); }
