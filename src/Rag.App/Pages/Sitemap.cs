using Rag.Access;

namespace Rag.App.Pages;

/// <summary>A page to go to: from the bar, from the palette, or by a chord of keys.</summary>
/// <param name="Group">The part of the console that it belongs to: an entry of the bar, whose pages stand in the row below it.</param>
/// <param name="Chord">The key that follows g.</param>
/// <param name="Words">What else somebody may call it who looks for it.</param>
/// <param name="Roles">Whoever has one of them is shown it; the gate asks again.</param>
internal sealed record Place(string Group, string Title, string Url, char? Chord, string Words, IReadOnlyList<Role> Roles);

/// <summary>All places of the console, in the order in which they are shown. Navigation, palette and the list of keys are made from it.</summary>
internal static class Sitemap
{
    public const string Ask = "Ask", Documents = "Documents", Operate = "Operate", Audit = "Audit", Interface = "API";

    private static readonly IReadOnlyList<Role> Readers = [Role.Reader], Operators = [Role.Operator], Auditors = [Role.Auditor], Admins = [Role.Admin];

    public static IReadOnlyList<Place> All { get; } =
    [
        new(Ask, "Ask", "/", 'a', "question answer search", Readers),
        new(Ask, "History", "/history", 'h', "questions asked before", Readers),
        new(Documents, "Documents", "/documents", 'd', "collections files upload folders", Readers),
        new(Operate, "Overview", "/operate", 'o', "status replicas dependencies health", Operators),
        new(Operate, "Incidents", "/incidents", 'i', "alerts pages acknowledge postmortem", Operators),
        new(Operate, "Runbook", "/runbook", 'r', "procedures scenarios what to do", Operators),
        new(Operate, "Objectives", "/operate/objectives", 'j', "slo error budget burn rate checklist", Operators),
        new(Operate, "Backups", "/operate/backups", 'b', "restore verify drill", Operators),
        new(Operate, "Maintenance", "/operate/maintenance", 'm', "read-only window", Operators),
        new(Operate, "Cache", "/operate/cache", 'c', "redis hit rate clear", Operators),
        new(Operate, "Schedules", "/operate/schedules", 's', "jobs timetable", Operators),
        new(Operate, "Retention", "/operate/retention", 'n', "delete holds years", Operators),
        new(Operate, "Security", "/security", 'e', "events attacks callers certificates", [Role.Operator, Role.Auditor]),
        new(Operate, "Settings", "/operate/settings", 't', "configuration environment flags", Operators),
        new(Operate, "Access", AccessPages.Path, 'x', "keys grants roles users", Admins),
        new(Audit, "Records", "/audit", 'u', "audit log proof checkpoint", Auditors),
        new(Audit, "Reports", "/reports", 'p', "compliance evidence", Auditors),
        new(Audit, "Access review", "/reviews/access", 'v', "who may do what", Auditors),
        new(Interface, "API", "/docs", null, "http openapi interface", [Role.Reader, Role.Operator, Role.Auditor]),
    ];

    /// <summary>Where somebody may go.</summary>
    public static IReadOnlyList<Place> Of(Caller who) => who.Grants.Count == 0 ? [] : [.. All.Where(p => p.Roles.Any(who.Has))];

    /// <summary>The place whose page, or page below it, an address is; null where it is none of them.</summary>
    public static Place? At(IReadOnlyList<Place> places, string path) =>
        places.Where(p => p.Url == path || (p.Url.Length > 1 && path.StartsWith(p.Url + "/", StringComparison.Ordinal))).MaxBy(p => p.Url.Length)
        ?? (path.StartsWith("/answers/", StringComparison.Ordinal) ? places.FirstOrDefault(p => p.Url == "/") : null);
}
