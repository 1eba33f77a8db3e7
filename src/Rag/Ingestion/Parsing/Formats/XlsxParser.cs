namespace Rag.Ingestion.Parsing.Formats;
internal static class XlsxParser { public static ParsedDocument Parse(ParseInput input) => throw new ParseException("unsupported", "x"); }
