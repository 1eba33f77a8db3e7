using System.CommandLine;
using System.Globalization;
using Rag.Foundation;
using Rag.Foundation.Commands;
using Spectre.Console;

namespace Rag.Incidents;

internal static class IncidentsCommands
{
    private const string Path = "/admin/v1/incidents";

    public static void AddIncidents(this RootCommand root, CommandContext context) => root.Add(new Command("incidents", "What went wrong, who has it, and by when somebody must.")
    {
        List(context), Show(context), Open(context),
        Step(context, "acknowledge", "acknowledge", "Say that somebody has it; the escalation stops.", role: true, required: false),
        Assign(context),
        Text(context, "severity", "SEVERITY", "P0, P1, P2 or P3.", "Change its severity; the time to respond runs anew.", t => new(Severity: t)),
        Text(context, "note", "TEXT", "What to write.", "Write into its timeline.", t => new(Text: t)),
        ActionItem(context),
        Step(context, "resolve", "resolve", "Say that it is over.", role: false, required: false),
        Step(context, "reopen", "reopen", "Say that it is not over after all.", role: false, required: false),
        PostmortemOf(context), TestContact(context),
    });

    private static Argument<string> Id() => new("ID") { Description = "As 'rag incidents list' shows it, such as INC-1a2b3c4d; a few characters do." };

    private static Option<string?> Role() => new("--role") { Description = $"{string.Join(", ", IncidentRole.All)}." };

    private static Command List(CommandContext context)
    {
        var all = new Option<bool>("--all") { Description = "Those that are resolved, too." };
        var limit = new Option<int>("--limit") { Description = "How many at most.", DefaultValueFactory = _ => 50 };
        var list = new Command("list", "Incidents that are open.") { all, limit };
        context.Bind(list, async (parse, api, ct) =>
        {
            string query = string.Create(CultureInfo.InvariantCulture, $"?state={(parse.GetValue(all) ? "all" : "open")}&limit={parse.GetValue(limit)}");
            var incidents = await api.GetAsync(Path + query, IncidentsJson.Default.IncidentList, ct);
            if (context.TryJson(parse, incidents, IncidentsJson.Default.IncidentList)) return 0;
            if (incidents.Incidents.Count == 0) context.Out.WriteLine(parse.GetValue(all) ? "There was no incident." : "No incident is open.");
            foreach (var i in incidents.Incidents) Print(context.Out, i);
            return 0;
        });
        return list;
    }

    private static Command Show(CommandContext context)
    {
        var id = Id();
        var show = new Command("show", "One incident: alerts, timeline, notifications, action items.") { id };
        context.Bind(show, async (parse, api, ct) => Print(context, parse, await api.GetAsync(Of(parse.GetValue(id)!), IncidentsJson.Default.IncidentDetail, ct)));
        return show;
    }

    private static Command Open(CommandContext context)
    {
        var title = new Argument<string>("TITLE") { Description = "What is wrong, in a line." };
        var severity = new Option<string>("--severity") { Description = "P0, P1, P2 or P3.", Required = true };
        var description = new Option<string?>("--description") { Description = "What is known of it." };
        var open = new Command("open", "Open an incident by hand.") { title, severity, description };
        context.Bind(open, async (parse, api, ct) => Print(context, parse, await api.PostAsync(
            Path, new(parse.GetValue(title), parse.GetValue(severity), parse.GetValue(description)), IncidentsJson.Default.NewIncident, IncidentsJson.Default.IncidentDetail, ct)));
        return open;
    }

    private static Command Step(CommandContext context, string name, string step, string description, bool role, bool required)
    {
        Argument<string> id = Id();
        var (who, text) = (Role(), new Option<string?>("--text") { Description = "A remark for the timeline.", Required = required });
        var command = new Command(name, description) { id, text };
        if (role) command.Add(who);
        context.Bind(command, (parse, api, ct) => PostAsync(context, parse, api, parse.GetValue(id)!, step, new(Role: role ? parse.GetValue(who) : null, Text: parse.GetValue(text)), ct));
        return command;
    }

    private static Command Assign(CommandContext context)
    {
        var (id, role) = (Id(), new Argument<string>("ROLE") { Description = $"{string.Join(", ", IncidentRole.All)}." });
        var command = new Command("assign", "Give it to a role, which is told.") { id, role };
        context.Bind(command, (parse, api, ct) => PostAsync(context, parse, api, parse.GetValue(id)!, "assign", new(Role: parse.GetValue(role)), ct));
        return command;
    }

    private static Command Text(CommandContext context, string name, string argument, string what, string description, Func<string, IncidentChange> change)
    {
        var (id, text) = (Id(), new Argument<string>(argument) { Description = what });
        var command = new Command(name, description) { id, text };
        context.Bind(command, (parse, api, ct) => PostAsync(context, parse, api, parse.GetValue(id)!, name, change(parse.GetValue(text)!), ct));
        return command;
    }

    private static Command ActionItem(CommandContext context)
    {
        var (id, text, role) = (Id(), new Argument<string>("TEXT") { Description = "What is to be done." }, Role());
        var due = new Option<string>("--due") { Description = "By when, yyyy-MM-dd.", Required = true };
        role.Required = true;
        var command = new Command("action-item", "Add what is to be done so that it does not happen again.") { id, text, role, due };
        context.Bind(command, (parse, api, ct) => PostAsync(context, parse, api, parse.GetValue(id)!, "action-items", new(Role: parse.GetValue(role), Text: parse.GetValue(text), Due: parse.GetValue(due)), ct));
        return command;
    }

    private static Command PostmortemOf(CommandContext context)
    {
        var id = Id();
        var file = new Option<FileInfo?>("--out") { Description = "File to write to; without it, it is printed." };
        var command = new Command("postmortem", "The postmortem's beginning as Markdown: timeline, alerts, error budget, graph.") { id, file };
        context.Bind(command, async (parse, api, ct) =>
        {
            string text = await api.GetTextAsync(Of(parse.GetValue(id)!) + "/postmortem", ct);
            if (parse.GetValue(file) is not { } target)
            {
                await Console.Out.WriteAsync(text);
                return 0;
            }
            try
            {
                await File.WriteAllTextAsync(target.FullName, text, ct);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new RagException(ErrorKind.Invalid, $"{target.FullName} cannot be written: {e.Message}", "Name a file in a folder that you may write to.");
            }
            context.Out.WriteLine(target.FullName);
            return 0;
        });
        return command;
    }

    private static Command TestContact(CommandContext context)
    {
        var role = new Argument<string?>("ROLE") { Description = $"{string.Join(", ", IncidentRole.All)}; all of them where it is left out.", Arity = ArgumentArity.ZeroOrOne };
        var command = new Command("test-contact", "Send a test by every channel of a role, and say how each ended.") { role };
        context.Bind(command, async (parse, api, ct) =>
        {
            var report = await api.PostAsync("/admin/v1/contacts/test", new(parse.GetValue(role)), IncidentsJson.Default.ContactTest, IncidentsJson.Default.ContactReport, ct);
            int code = report.Passed ? 0 : 1;
            if (context.TryJson(parse, report, IncidentsJson.Default.ContactReport)) return code;
            foreach (var r in report.Results) context.Out.MarkupLine($"{(r.Sent ? "[green]sent  [/]" : "[red]FAILED[/]")}  {Markup.Escape($"{r.Role,-20} {r.Channel,-10} {r.Detail}")}");
            foreach (string unreachable in report.Unreachable) context.Out.MarkupLine($"[red]NOBODY[/]  {Markup.Escape($"{unreachable,-20} has no channel; set one in the section Contacts")}");
            return code;
        });
        return command;
    }

    private static async Task<int> PostAsync(CommandContext context, ParseResult parse, ApiClient api, string id, string step, IncidentChange change, CancellationToken ct) =>
        Print(context, parse, await api.PostAsync($"{Of(id)}/{step}", change, IncidentsJson.Default.IncidentChange, IncidentsJson.Default.IncidentDetail, ct));

    private static string Of(string id) => $"{Path}/{Uri.EscapeDataString(id)}";

    private static int Print(CommandContext context, ParseResult parse, IncidentDetail detail)
    {
        if (context.TryJson(parse, detail, IncidentsJson.Default.IncidentDetail)) return 0;
        var console = context.Out;
        Print(console, detail.Incident);
        if (detail.Description.Length > 0) console.WriteLine(detail.Description);
        foreach (var a in detail.Alerts) console.WriteLine($"alert         {At(a.StartsAt)} to {(a.EndedAt is { } ended ? At(ended) : "now")}: {a.Title}");
        foreach (var t in detail.Timeline) console.WriteLine($"{At(t.At)}  {t.Kind} ({t.Actor}) {t.Text}");
        foreach (var n in detail.Notifications ?? []) console.WriteLine($"notification  {n.Step} to {n.Role} by {n.Channel}: {n.State}{(n.SentAt is { } at ? " " + At(at) : "")} {n.Detail}");
        foreach (var a in detail.ActionItems) console.WriteLine($"action item   {a.Text} ({a.Role}, by {a.Due})");
        return 0;
    }

    /// <summary>An incident in a line; <c>rag status</c> prints it, too.</summary>
    internal static void Print(IAnsiConsole console, IncidentSummary i)
    {
        string colour = i.State == "resolved" ? "grey" : i.DeadlineMet == false ? "red" : "yellow";
        string due = i.State switch
        {
            "resolved" => $"resolved {At(i.ResolvedAt ?? i.OpenedAt)}",
            "acknowledged" => $"acknowledged {At(i.AcknowledgedAt!.Value)} by {i.Assignee}",
            _ => $"{(i.DeadlineMet == false ? "WAS due" : "acknowledge by")} {At(i.Deadline)}",
        };
        console.MarkupLine($"[{colour}]{Markup.Escape(i.Id)}[/]  {i.Severity}  {Markup.Escape($"{i.State,-12} {i.Title}; opened {At(i.OpenedAt)}, {due}")}");
    }

    private static string At(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);
}
