using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Rag.Slo.Export.Dashboards;

/// <summary>Links to the runbook's sections. Its address is a variable of each dashboard, because it is published at a place of the operator's choice.</summary>
internal static partial class RunbookLinks
{
    public const string File = "docs/operations/runbook.md";

    public static string Url(string section) => $"${{runbook:raw}}#{Anchor(section)}";

    /// <summary>A heading's anchor, as GitHub makes it: lower case, punctuation gone, spaces to hyphens.</summary>
    public static string Anchor(string heading) => Punctuation().Replace(heading.ToLowerInvariant(), "").Replace(' ', '-');

    public static JsonObject Variable() => new()
    {
        ["name"] = "runbook",
        ["label"] = "Runbook at",
        ["type"] = "textbox",
        ["query"] = File,
        ["current"] = new JsonObject { ["text"] = File, ["value"] = File },
    };

    [GeneratedRegex(@"[^\p{L}\p{N}\p{M}\p{Pc} -]")]
    private static partial Regex Punctuation();
}
