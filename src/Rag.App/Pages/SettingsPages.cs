using Microsoft.AspNetCore.Http.HttpResults;
using Rag.Access;
using Rag.Foundation;

namespace Rag.App.Pages;

/// <param name="Settings">Those that fit, the changed ones first.</param>
/// <param name="Find">What somebody looks for; empty where nothing is.</param>
/// <param name="All">How many there are.</param>
public sealed record SettingsModel(IReadOnlyList<ConfigurationValue> Settings, string Find, int All)
{
    /// <summary>Not what holds where nobody sets it.</summary>
    public static bool Changed(ConfigurationValue v) => v.Value != v.Default;
}

/// <summary>The configuration that this replica was started with.</summary>
internal static class SettingsPages
{
    public const string Path = "/operate/settings";
    public const int MaxFindChars = 200;

    public static void MapSettingsPages(this IEndpointRouteBuilder pages) => pages.MapGet(Path, Show).Needs(Role.Operator);

    private static RazorComponentResult<SettingsPage> Show(HttpContext context, ConfigurationSections sections, string find = "")
    {
        find = find.Trim();
        if (find.Length > MaxFindChars) throw new RagException(ErrorKind.Invalid, $"What is looked for has {find.Length} characters.", $"Use up to {MaxFindChars}.");
        var all = Settings.Of(sections);
        string[] words = find.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        var fitting = all.Where(v => words.All(w => $"{v.Key} {v.Value} {v.From}".Contains(w, StringComparison.OrdinalIgnoreCase)));
        return PageResult.Of<SettingsPage, SettingsModel>(context, new([.. fitting.OrderBy(v => SettingsModel.Changed(v) ? 0 : 1).ThenBy(v => v.Key, StringComparer.Ordinal)], find, all.Count));
    }
}
