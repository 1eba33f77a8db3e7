namespace Rag.Ingestion.Parsing.Formats;
internal static class EpubParser { public static ParsedDocument Parse(ParseInput input) => throw new ParseException("unsupported", "x"); }
