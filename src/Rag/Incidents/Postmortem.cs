using System.Globalization;
using System.Text;
using Rag.Foundation;
using Rag.Slo;

namespace Rag.Incidents;

/// <summary>
/// The beginning of a postmortem, as Markdown: what the product knows of the incident, and headings for what only people know.
/// It names roles, never persons.
/// </summary>
internal sealed class Postmortem(SloReport slo, IncidentViews views, Outbox outbox, TimeProvider time)
{
    private static readonly string[] Actions =
        [IncidentKind.Acknowledged, IncidentKind.Assigned, IncidentKind.SeverityChanged, IncidentKind.Note, IncidentKind.Resolved, IncidentKind.Reopened];

    public async Task<string> WriteAsync(Incident incident, CancellationToken ct)
    {
        var until = incident.ResolvedAt ?? time.GetUtcNow();
        var text = new StringBuilder();
        Head(text, incident, until);
        await BudgetAsync(text, incident.StartedAt, until, ct);
        Section(text, "Timeline", "All times are UTC.");
        text.Append("| Time | What | By | |\n|---|---|---|---|\n");
        foreach (var t in incident.Timeline) text.Append(CultureInfo.InvariantCulture, $"| {At(t.At)} | {t.Kind} | {t.Actor} | {Cell(t.Text)} |\n");
        Section(text, "Alerts", incident.Alerts.Count == 0 ? "No alert belongs to this incident: it was opened by hand." : null);
        foreach (var a in incident.Alerts)
            text.Append(CultureInfo.InvariantCulture, $"- {At(Clock.FromMicroseconds(a.StartsAt))} to {(a.EndedAt is { } ended ? At(ended) : "now")}: {Cell(a.Title)}{Labels(a)}\n");
        Section(text, "What was done", null);
        var done = incident.Timeline.Where(t => Actions.Contains(t.Kind)).ToList();
        if (done.Count == 0) text.Append("Nobody wrote down what was done.\n");
        foreach (var t in done) text.Append(CultureInfo.InvariantCulture, $"- {At(t.At)} {t.Kind} {Cell(t.Text)}\n");
        await ToldAsync(text, incident, ct);
        Section(text, "Cause", "*To fill in: what made it possible, and what set it off. Name roles and systems, not persons.*");
        Section(text, "What went well, and what did not", "*To fill in: how it was noticed, what helped, what stood in the way.*");
        Section(text, "Action items", incident.ActionItems.Count == 0 ? "*None yet: `rag incidents action-item` adds them, with a role and a day.*" : null);
        if (incident.ActionItems.Count > 0) text.Append("| What | Role | By |\n|---|---|---|\n");
        foreach (var item in incident.ActionItems) text.Append(CultureInfo.InvariantCulture, $"| {Cell(item.Text)} | {item.Role} | {item.Due} |\n");
        Section(text, "Lessons", "*To fill in.*");
        return text.ToString();
    }

    private void Head(StringBuilder text, Incident incident, DateTimeOffset until)
    {
        var summary = views.Summary(incident);
        text.Append(CultureInfo.InvariantCulture, $"# Postmortem of {incident.Name}: {Cell(incident.Title)}\n\n");
        if (incident.Description.Length > 0) text.Append(CultureInfo.InvariantCulture, $"{incident.Description}\n\n");
        text.Append("| | |\n|---|---|\n");
        Row("Severity", $"{incident.Severity}, {IncidentSeverity.Meaning(incident.Severity)}");
        Row("State", incident.State + (incident.Round > 1 ? $", opened {incident.Round} times" : ""));
        Row("Began", At(incident.StartedAt));
        Row("Opened", At(incident.OpenedAt));
        Row("To be acknowledged by", At(summary.Deadline));
        Row("Acknowledged", incident.AcknowledgedAt is { } acknowledged ? $"{At(acknowledged)}, after {Length(acknowledged - incident.OpenedAt)}" : "no");
        Row("Time to respond", summary.DeadlineMet switch { true => "met", false => "MISSED", null => "not over yet" });
        Row("Resolved", incident.ResolvedAt is { } resolved ? At(resolved) : "no");
        Row("Lasted", Length(until - incident.StartedAt) + (incident.Open ? " so far" : ""));
        Row("Owner", incident.Assignee ?? "none");

        void Row(string name, string value) => text.Append(CultureInfo.InvariantCulture, $"| {name} | {Cell(value)} |\n");
    }

    private async Task BudgetAsync(StringBuilder text, DateTimeOffset from, DateTimeOffset until, CancellationToken ct)
    {
        Section(text, "Error budget", null);
        try
        {
            var rows = new List<(Objective Objective, IReadOnlyList<SloMinute> Minutes)>();
            foreach (var o in Objectives.All) rows.Add((o, await slo.MinutesAsync(o, from, until, ct)));
            var month = await slo.CountAsync(TimeSpan.FromDays(Objectives.WindowDays), ct);
            text.Append(CultureInfo.InvariantCulture, $"What was served from {At(from)} to {At(until)}, and how much of the error budget of {Objectives.WindowDays} days that used.\n\n");
            text.Append("| Objective | Promise | Events | Bad | Budget used |\n|---|---|---|---|---|\n");
            foreach (var (o, minutes) in rows)
            {
                long total = minutes.Sum(m => m.Total), bad = total - minutes.Sum(m => m.Good);
                // The budget is a share of all events of the window, those of the incident among them.
                double allowed = month[o.Name].Total * o.Budget;
                string used = allowed > 0 ? $"{(100 * bad / allowed).ToString("F1", CultureInfo.InvariantCulture)} %" : "no events";
                text.Append(CultureInfo.InvariantCulture, $"| {o.Title} | {o.Promise} | {total} | {bad} | {used} |\n");
            }
            Section(text, "Errors over time", null);
            text.Append(ErrorGraph.Svg(rows.First(r => r.Objective == Objectives.Errors).Minutes, SloRecorder.Minute(from), SloRecorder.Minute(until))).Append('\n');
        }
        catch (Exception e) when (IncidentDesk.Lost(e))
        {
            text.Append("The record is away: the counts are in it, and this section can be made when it is back.\n");
        }
    }

    private async Task ToldAsync(StringBuilder text, Incident incident, CancellationToken ct)
    {
        Section(text, "Who was told", null);
        try
        {
            var rows = await outbox.ListAsync([incident.Id], ct);
            if (rows.Count == 0) text.Append("Nobody: no channel serves a role of the ladder.\n");
            foreach (var r in rows) text.Append(CultureInfo.InvariantCulture, $"- {r.Step}: {r.Role} by {r.Channel}, {r.State}{(r.SentAt is { } at ? " " + At(at) : "")}\n");
        }
        catch (Exception e) when (IncidentDesk.Lost(e))
        {
            text.Append("The record is away; the timeline says what was sent.\n");
        }
    }

    private static void Section(StringBuilder text, string heading, string? paragraph)
    {
        text.Append(CultureInfo.InvariantCulture, $"\n## {heading}\n\n");
        if (paragraph is not null) text.Append(paragraph).Append("\n\n");
    }

    private static string Labels(IncidentAlert alert) => alert.Labels.Count == 0 ? "" : " (" + string.Join(", ", alert.Labels.OrderBy(l => l.Key, StringComparer.Ordinal).Select(l => $"{Cell(l.Key)}={Cell(l.Value)}")) + ")";

    /// <summary>Text that can break neither a table nor the page.</summary>
    private static string Cell(string text) => text.Replace("\r", "", StringComparison.Ordinal).Replace('\n', ' ').Replace("|", "\\|", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal);

    private static string At(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);

    private static string Length(TimeSpan length) => length.TotalDays >= 1 ? $"{(int)length.TotalDays} d {length.Hours} h {length.Minutes} min" : length.TotalHours >= 1 ? $"{length.Hours} h {length.Minutes} min" : $"{length.Minutes} min {length.Seconds} s";
}

/// <summary>Failed and all requests over time, as a picture that stands in the Markdown itself (SVG 1.1, in an <c>img</c> as a data URI).</summary>
internal static class ErrorGraph
{
    private const int Width = 720, Height = 180, Left = 48, Bottom = 24, Top = 12, MaxBars = 240;

    /// <param name="first">Minutes since 1970.</param>
    public static string Svg(IReadOnlyList<SloMinute> minutes, long first, long last)
    {
        if (minutes.Count == 0) return "No request was counted in that time.";
        long perBar = (last - first) / MaxBars + 1;
        int bars = (int)((last - first) / perBar) + 1;
        long[] bad = new long[bars], total = new long[bars];
        foreach (var m in minutes)
        {
            if (m.Minute < first || m.Minute > last) continue;
            bad[(m.Minute - first) / perBar] += m.Total - m.Good;
            total[(m.Minute - first) / perBar] += m.Total;
        }
        long most = Math.Max(1, total.Max());
        double width = (Width - Left) / (double)bars, height = Height - Bottom - Top;
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{Width}\" height=\"{Height}\" viewBox=\"0 0 {Width} {Height}\" font-family=\"sans-serif\" font-size=\"11\">");
        svg.Append(CultureInfo.InvariantCulture, $"<rect width=\"{Width}\" height=\"{Height}\" fill=\"#ffffff\"/><title>Requests by {perBar} min, failed ones dark</title>");
        for (int i = 0; i < bars; i++)
        {
            if (total[i] > 0) Bar(i, total[i], "#c9d3df");
            if (bad[i] > 0) Bar(i, bad[i], "#b3261e");
        }
        svg.Append(CultureInfo.InvariantCulture, $"<line x1=\"{Left}\" y1=\"{Height - Bottom}\" x2=\"{Width}\" y2=\"{Height - Bottom}\" stroke=\"#5b6673\"/>");
        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{Left - 6}\" y=\"{Top + 10}\" text-anchor=\"end\">{most}</text><text x=\"{Left - 6}\" y=\"{Height - Bottom}\" text-anchor=\"end\">0</text>");
        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{Left}\" y=\"{Height - 8}\">{Time(first)}</text><text x=\"{Width}\" y=\"{Height - 8}\" text-anchor=\"end\">{Time(last)} UTC</text></svg>");
        string alt = string.Create(CultureInfo.InvariantCulture, $"Requests by {perBar} min from {Time(first)} to {Time(last)} UTC: {bad.Sum()} of {total.Sum()} failed, {bad.Max()} at most in one bar");
        return $"![{alt}](data:image/svg+xml;base64,{Convert.ToBase64String(Encoding.UTF8.GetBytes(svg.ToString()))})";

        void Bar(int i, long value, string colour)
        {
            double h = Math.Max(1, height * value / most);
            svg.Append(CultureInfo.InvariantCulture, $"<rect x=\"{Left + i * width:F1}\" y=\"{Height - Bottom - h:F1}\" width=\"{Math.Max(0.5, width - 0.5):F1}\" height=\"{h:F1}\" fill=\"{colour}\"/>");
        }
    }

    private static string Time(long minute) => DateTimeOffset.UnixEpoch.AddMinutes(minute).UtcDateTime.ToString("MM-dd HH:mm", CultureInfo.InvariantCulture);
}
