using System.Text;

namespace Rag.Ingestion.Parsing.Formats;

/// <summary>Delimited rows (RFC 4180 and its relatives): the delimiter is the one that splits the first rows most evenly.</summary>
internal static class CsvParser
{
    private const int SniffRows = 20;
    // As many columns as a spreadsheet has.
    private const int MaxColumns = 16_384;
    private static readonly char[] Delimiters = [',', '\t', ';', '|'];

    public static ParsedDocument Parse(ParseInput input)
    {
        var decoded = TextDecoder.Decode(input.Span);
        char delimiter = Delimiter(decoded.Text, input.Type.MediaType);
        var builder = input.Builder();
        int group = builder.NewGroup();
        foreach (var row in Rows(decoded.Text, delimiter)) builder.TableRow(group, row);
        return builder.Build(null, input.Type.MediaType, new Dictionary<string, string> { ["charset"] = decoded.Charset });
    }

    /// <summary>The rows of a text; a quoted field may hold delimiters, doubled quotes and line ends.</summary>
    public static IEnumerable<List<string>> Rows(string text, char delimiter)
    {
        var row = new List<string>();
        var field = new StringBuilder();
        bool quoted = false;
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (quoted)
            {
                if (c != '"') field.Append(c);
                else if (i + 1 < text.Length && text[i + 1] == '"') field.Append(text[++i]);
                else quoted = false;
            }
            else if (c == '"' && field.Length == 0) quoted = true;
            else if (c == delimiter) EndField(row, field);
            else if (c is '\n' or '\r')
            {
                if (c == '\r' && i + 1 < text.Length && text[i + 1] == '\n') i++;
                EndField(row, field);
                yield return row;
                row = [];
            }
            else field.Append(c);
        }
        EndField(row, field);
        yield return row;
    }

    private static void EndField(List<string> row, StringBuilder field)
    {
        if (row.Count >= MaxColumns) throw new ParseException("too_large", $"a row has more than {MaxColumns:N0} fields. Check the file's delimiter and quotes.");
        row.Add(field.ToString());
        field.Clear();
    }

    private static char Delimiter(string text, string mediaType)
    {
        if (mediaType == "text/tab-separated-values") return '\t';
        string head = text[..Math.Min(text.Length, 64 * 1024)];
        if (head.StartsWith("sep=", StringComparison.OrdinalIgnoreCase) && head.Length > 4) return head[4];
        return Delimiters.MaxBy(d => Evenness(head, d));
    }

    /// <summary>Rows that have as many fields as most rows do, weighted by that number; 0 where nothing is split.</summary>
    private static double Evenness(string head, char delimiter)
    {
        var widths = Rows(head, delimiter).Take(SniffRows).Where(r => r.Count > 1 || r[0].Length > 0).GroupBy(r => r.Count).ToList();
        if (widths.Count == 0) return 0;
        var most = widths.MaxBy(g => g.Count())!;
        double share = (double)most.Count() / widths.Sum(g => g.Count());
        return most.Key == 1 ? 0 : share * share * Math.Log(1 + most.Key);
    }
}
