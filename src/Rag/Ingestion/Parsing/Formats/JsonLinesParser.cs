using System.Text.Json;

namespace Rag.Ingestion.Parsing.Formats;

/// <summary>One JSON value per line. Records with a text are written as a heading (their title) and paragraphs.</summary>
internal static class JsonLinesParser
{
    private static readonly string[] TextKeys = ["text", "body", "content", "passage", "abstract"];

    public static ParsedDocument Parse(ParseInput input)
    {
        var builder = input.Builder();
        var utf8 = JsonParser.Utf8(input.Span);
        int number = 0;
        foreach (var range in Lines(utf8))
        {
            number++;
            var line = utf8[range];
            if (line.Span.Trim(" \t\r"u8).IsEmpty) continue;
            using var json = JsonParser.Load(line, $"line {number}");
            Record(json.RootElement, builder);
        }
        return builder.Build(null, input.Type.MediaType);
    }

    private static void Record(JsonElement record, ParsedTextBuilder builder)
    {
        string? text = record.ValueKind == JsonValueKind.Object
            ? TextKeys.Select(k => JsonParser.Member(record, k)).FirstOrDefault(t => t is { Length: > 0 })
            : null;
        if (text is null)
        {
            JsonParser.Value(record, builder, 1);
            return;
        }
        if (JsonParser.Title(record) is { } title) builder.Heading(1, title);
        PlainTextParser.Write(text, builder);
    }

    private static IEnumerable<Range> Lines(ReadOnlyMemory<byte> utf8)
    {
        for (int start = 0; start < utf8.Length;)
        {
            int length = utf8.Span[start..].IndexOf((byte)'\n');
            int end = length < 0 ? utf8.Length : start + length;
            yield return start..end;
            start = end + 1;
        }
    }
}
