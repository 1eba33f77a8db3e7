using System.Globalization;

namespace Rag.Incidents.Channels;

/// <summary>A notification in words.</summary>
internal static class Texts
{
    private const int MaxAnswer = 300;

    public static string Subject(Notification n) => $"[{n.Severity}] {n.Title}{(n.Step == "opened" ? "" : $" ({n.Step})")}";

    public static string Body(Notification n)
    {
        var lines = new List<string> { Subject(n), "", n.Text, "" };
        if (n.Deadline is { } deadline) lines.Add($"Acknowledge by {deadline.UtcDateTime.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture)} UTC: rag incidents acknowledge {n.IncidentId}");
        if (n.Link is { } link) lines.Add(link);
        lines.Add($"Incident {n.IncidentId}, told to the {n.Role.Replace('-', ' ')}.");
        return string.Join('\n', lines) + "\n";
    }

    /// <summary>What a receiver answered, in one line of bounded length.</summary>
    public static string Short(string text)
    {
        string line = text.ReplaceLineEndings(" ").Trim();
        return line.Length <= MaxAnswer ? line : line[..MaxAnswer] + "…";
    }
}
