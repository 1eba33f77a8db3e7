using System.Text;
using System.Text.Json;

namespace Rag.Ingestion.Parsing.Formats;

/// <summary>
/// JSON as a person reads it: an array of flat records is a table; an object's plain members are "key: value" lines of
/// one paragraph, and a nested object or array becomes a heading with its own.
/// </summary>
internal static class JsonParser
{
    public const int MaxDepth = 128;
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = MaxDepth, AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip };
    private static readonly string[] TitleKeys = ["title", "name", "subject", "headline"];

    public static ParsedDocument Parse(ParseInput input)
    {
        var builder = input.Builder();
        using var json = Load(Utf8(input.Span), "the file");
        Value(json.RootElement, builder, 1);
        return builder.Build(Title(json.RootElement), input.Type.MediaType);
    }

    /// <summary>UTF-8 as it is, without its byte order mark; anything else (RFC 8259 allows nothing else) transcoded.</summary>
    public static ReadOnlyMemory<byte> Utf8(ReadOnlySpan<byte> content) => Encoding.UTF8.GetBytes(TextDecoder.Decode(content).Text);

    /// <exception cref="ParseException">broken, hostile.</exception>
    public static JsonDocument Load(ReadOnlyMemory<byte> utf8, string where)
    {
        CheckDepth(utf8.Span, where);
        try
        {
            return JsonDocument.Parse(utf8, Options);
        }
        catch (JsonException e)
        {
            throw new ParseException("broken", $"{where} is not valid JSON (line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}). Correct it and send it again.", e);
        }
    }

    /// <summary>The first member of an object that names it, or null.</summary>
    public static string? Title(JsonElement element) =>
        element.ValueKind != JsonValueKind.Object ? null : TitleKeys.Select(k => Member(element, k)).FirstOrDefault(t => t is { Length: > 0 });

    public static string? Member(JsonElement element, string name) =>
        element.EnumerateObject().Where(p => p.NameEquals(name) || p.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
            .Where(p => p.Value.ValueKind == JsonValueKind.String).Select(p => p.Value.GetString()).FirstOrDefault();

    public static void Value(JsonElement element, ParsedTextBuilder builder, int level)
    {
        if (element.ValueKind == JsonValueKind.Object) Object(element, builder, level);
        else if (element.ValueKind == JsonValueKind.Array) Array(element, builder, level);
        else builder.Paragraph(Scalar(element));
    }

    private static void Object(JsonElement element, ParsedTextBuilder builder, int level)
    {
        var lines = new StringBuilder();
        foreach (var member in element.EnumerateObject().Where(m => Inline(m.Value)))
        {
            string value = InlineText(member.Value);
            if (value.Length > 0) lines.Append(lines.Length > 0 ? "\n" : "").Append(member.Name).Append(": ").Append(value);
        }
        builder.Paragraph(lines.ToString());
        foreach (var member in element.EnumerateObject().Where(m => !Inline(m.Value)))
        {
            builder.Heading(level, member.Name);
            Value(member.Value, builder, level + 1);
        }
    }

    private static void Array(JsonElement element, ParsedTextBuilder builder, int level)
    {
        var items = element.EnumerateArray().ToList();
        if (items.Count > 1 && Columns(items) is { } columns)
        {
            int table = builder.NewGroup();
            builder.TableRow(table, columns);
            foreach (var item in items)
                builder.TableRow(table, columns.Select(c => item.TryGetProperty(c, out var value) ? InlineText(value) : ""));
            return;
        }
        int list = builder.NewGroup();
        foreach (var item in items)
        {
            if (Inline(item)) builder.ListItem(list, 0, "- ", InlineText(item));
            else Value(item, builder, level);
        }
    }

    /// <summary>The columns of records that share most of their keys and hold short values only; otherwise null.</summary>
    private static List<string>? Columns(List<JsonElement> items)
    {
        const int maxCellChars = 200, maxColumns = 30;
        var columns = new List<string>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        long present = 0;
        foreach (var item in items)
        {
            if (item.ValueKind != JsonValueKind.Object) return null;
            foreach (var member in item.EnumerateObject())
            {
                if (!Inline(member.Value) || InlineText(member.Value).Length > maxCellChars) return null;
                if (seen.Add(member.Name)) columns.Add(member.Name);
                present++;
            }
            if (columns.Count > maxColumns) return null;
        }
        return columns.Count > 0 && present >= 0.6 * columns.Count * items.Count ? columns : null;
    }

    /// <summary>A value that fits on one line: a scalar, or an array of scalars.</summary>
    private static bool Inline(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => false,
        JsonValueKind.Array => value.GetArrayLength() <= 20 && value.EnumerateArray().All(v => v.ValueKind is not (JsonValueKind.Object or JsonValueKind.Array) && Scalar(v).Length <= 60),
        _ => true,
    };

    private static string InlineText(JsonElement value) =>
        value.ValueKind == JsonValueKind.Array ? string.Join(", ", value.EnumerateArray().Select(Scalar)) : Scalar(value);

    private static string Scalar(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => Text(value),
        JsonValueKind.Null or JsonValueKind.Undefined => "",
        _ => value.GetRawText(),
    };

    private static string Text(JsonElement value)
    {
        try
        {
            return value.GetString() ?? "";
        }
        catch (InvalidOperationException)
        {
            // An escaped half of a surrogate pair has no text; the raw form still says something.
            return value.GetRawText().Trim('"');
        }
    }

    private static void CheckDepth(ReadOnlySpan<byte> utf8, string where)
    {
        int depth = 0;
        bool quoted = false;
        for (int i = 0; i < utf8.Length; i++)
        {
            byte b = utf8[i];
            if (quoted)
            {
                if (b == '\\') i++;
                else if (b == '"') quoted = false;
            }
            else if (b == '"') quoted = true;
            else if (b is (byte)'{' or (byte)'[' && ++depth > MaxDepth)
                throw new ParseException("hostile", $"{where} nests JSON deeper than {MaxDepth} levels, which no document needs. Send a flatter export.");
            else if (b is (byte)'}' or (byte)']') depth--;
        }
    }
}
