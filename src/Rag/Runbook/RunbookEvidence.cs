using System.Globalization;
using System.Text;

namespace Rag.Runbook;

/// <summary>A run as Markdown, to be kept with the ticket or the postmortem.</summary>
internal static class RunbookEvidence
{
    public static string Markdown(RunbookRun run)
    {
        var text = new StringBuilder();
        text.AppendLine($"# Runbook: {run.Title}").AppendLine();
        text.AppendLine($"- Run: {run.Id}");
        text.AppendLine($"- By: {run.By}");
        text.AppendLine($"- Began: {Time(run.StartedAt)}");
        text.AppendLine($"- Ended: {(run.EndedAt is { } ended ? $"{Time(ended)}, {run.Outcome}" : "not yet")}");
        text.AppendLine($"- Runbook: rag-system {run.Version}, section `{run.Section}`, SHA-256 {run.RunbookSha256}");
        foreach (var step in run.Steps)
        {
            text.AppendLine().AppendLine($"## Step {step.Step}: {step.Outcome}").AppendLine();
            string code = step.ExitCode is { } exit ? $", exit code {exit}" : "";
            text.AppendLine(string.Create(CultureInfo.InvariantCulture, $"{Time(step.StartedAt)}, {(step.EndedAt - step.StartedAt).TotalSeconds:0.0} s, {step.By}{code}."));
            if (step.Note.Length > 0) text.AppendLine().AppendLine(step.Note);
            if (step.Command.Length > 0) Block(text, "sh", step.Command);
            if (step.Output.Length > 0) Block(text, "text", step.Output);
        }
        return text.ToString();
    }

    /// <summary>In a fence longer than any within.</summary>
    private static void Block(StringBuilder text, string info, string content)
    {
        int longest = 2, run = 0;
        foreach (char c in content) longest = Math.Max(longest, run = c == '`' ? run + 1 : 0);
        string fence = new('`', longest + 1);
        text.AppendLine().Append(fence).AppendLine(info).AppendLine(content.TrimEnd()).AppendLine(fence);
    }

    private static string Time(DateTimeOffset at) => at.ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture);
}
