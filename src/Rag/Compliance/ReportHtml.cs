using System.Globalization;
using System.Net;
using System.Text;

namespace Rag.Compliance;

/// <summary>The report as one file that opens anywhere: no script, nothing fetched, every text encoded.</summary>
internal static class ReportHtml
{
    private const string Style = """
        :root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
        body { max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
        table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem; font-variant-numeric: tabular-nums; }
        th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent); overflow-wrap: anywhere; }
        pre { overflow-x: auto; padding: .6rem; border: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
        .requirement, td:last-child { color: color-mix(in srgb, currentColor 75%, transparent); }
        @media print { body { margin: 0; max-width: none; } section { break-inside: avoid-page; } }
        """;

    public static string Write(ComplianceReport report)
    {
        var html = new StringBuilder();
        html.Append(CultureInfo.InvariantCulture, $"""
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
            <title>Compliance report {report.Month}</title><style>{Style}</style></head><body>
            <h1>Compliance report {report.Month}</h1>
            <p>Made {report.MadeAt.UtcDateTime:yyyy-MM-dd HH:mm} UTC by rag-system {Encode(report.Version)}, report {Encode(report.Id)}. {(report.Complete ? "The month was over." : "The month was not over: this report is not complete.")} Overall: <strong>{Words(report.State)}</strong>.</p>
            <table><thead><tr><th>Section</th><th>State</th><th>In a sentence</th></tr></thead><tbody>

            """);
        foreach (var s in report.Sections) html.Append(CultureInfo.InvariantCulture, $"<tr><td><a href=\"#{Encode(s.Id)}\">{Encode(s.Title)}</a></td><td>{Words(s.State)}</td><td>{Encode(s.Summary)}</td></tr>\n");
        html.Append("</tbody></table>\n");
        foreach (var s in report.Sections) Section(html, s);
        html.Append("<section><h2>Checkpoint of the audit record</h2>\n");
        html.Append(report.Checkpoint is null ? "<p>There was none when the report was made.</p>" : $"<p>The leaves that rows name are under this signed checkpoint; <code>rag audit verify</code> checks it.</p><pre>{Encode(report.Checkpoint)}</pre>");
        return html.Append("</section></body></html>\n").ToString();
    }

    private static void Section(StringBuilder html, ReportSection s)
    {
        html.Append(CultureInfo.InvariantCulture, $"<section id=\"{Encode(s.Id)}\"><h2>{Encode(s.Title)}: {Words(s.State)}</h2>\n<p class=\"requirement\">{Encode(s.Requirement)}</p><p>{Encode(s.Summary)}</p>\n");
        if (s.Rows.Count > 0)
        {
            html.Append("<table><thead><tr>");
            foreach (string column in s.Columns.Append("Evidence")) html.Append("<th>").Append(Encode(column)).Append("</th>");
            html.Append("</tr></thead><tbody>\n");
            foreach (var row in s.Rows)
            {
                html.Append("<tr>");
                foreach (string cell in row.Cells.Append(row.Evidence)) html.Append("<td>").Append(Encode(cell)).Append("</td>");
                html.Append("</tr>\n");
            }
            html.Append("</tbody></table>\n");
        }
        if (s.Omitted > 0) html.Append(CultureInfo.InvariantCulture, $"<p>{s.Omitted} more are not shown; the audit record has all of them.</p>\n");
        html.Append("</section>\n");
    }

    public static string Words(string state) => state switch { ReviewState.InOrder => "in order", ReviewState.Attention => "needs attention", _ => "not proven" };

    private static string Encode(string text) => WebUtility.HtmlEncode(text);
}
