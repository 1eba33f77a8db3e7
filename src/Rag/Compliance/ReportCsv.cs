using System.Text;

namespace Rag.Compliance;

/// <summary>The report as one table (RFC 4180): a line for each row of each section, and one for a section without rows.</summary>
internal static class ReportCsv
{
    private static readonly System.Buffers.SearchValues<char> Special = System.Buffers.SearchValues.Create(",\"\r\n");

    public static string Write(ComplianceReport report)
    {
        var csv = new StringBuilder();
        Line(csv, ["month", "section", "state", "summary", "columns", "row", "evidence"]);
        foreach (var section in report.Sections)
        {
            string columns = string.Join(" | ", section.Columns);
            if (section.Rows.Count == 0) Line(csv, [report.Month, section.Id, section.State, section.Summary, columns, "", ""]);
            foreach (var row in section.Rows) Line(csv, [report.Month, section.Id, section.State, section.Summary, columns, string.Join(" | ", row.Cells), row.Evidence]);
        }
        return csv.ToString();
    }

    private static void Line(StringBuilder csv, IReadOnlyList<string> cells)
    {
        for (int i = 0; i < cells.Count; i++) csv.Append(i == 0 ? "" : ",").Append(Cell(cells[i]));
        csv.Append("\r\n");
    }

    private static string Cell(string text)
    {
        // A spreadsheet takes such a cell for a formula, and names and notes are other people's.
        if (text.Length > 0 && text[0] is '=' or '+' or '-' or '@' or '\t' or '\r') text = "'" + text;
        return text.AsSpan().ContainsAny(Special) ? $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : text;
    }
}
