using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Rag.Access;
using Rag.Audit;
using Rag.Foundation;

namespace Rag.Incidents;

internal static class IncidentsEndpoints
{
    public static IEndpointRouteBuilder MapIncidents(this IEndpointRouteBuilder routes)
    {
        var admin = routes.MapGroup("/admin/v1").WithTags("Operate").Needs(Role.Operator);
        admin.MapPost("/alerts", TakeAsync).Accepts<AlertmanagerPayload>("application/json").WithSummary("Take alerts in, as Alertmanager's webhook (version 4) posts them");
        admin.MapPost("/contacts/test", (ContactTest? test, Notifier notifier, Recipients recipients, AuditTrail audit, CancellationToken ct) => TestAsync(test?.Role, notifier, recipients, audit, ct))
            .WithSummary("Send a test by every channel of a role, or of all roles");
        var incidents = admin.MapGroup("/incidents");
        incidents.MapGet("/", async (IncidentDesk desk, IncidentViews views, CancellationToken ct, string state = "open", int limit = 50) =>
            new IncidentList([.. (await desk.ListAsync(All(state), limit, ct)).Select(views.Summary)])).WithSummary("Incidents that are open, or all, open ones first");
        incidents.MapPost("/", async (NewIncident body, IncidentDesk desk, IncidentViews views, CancellationToken ct) =>
            await views.DetailAsync(await desk.OpenAsync(body.Title, body.Severity, body.Description, ct), ct)).WithSummary("Open an incident by hand");
        incidents.MapGet("/{id}", async (string id, IncidentDesk desk, IncidentViews views, CancellationToken ct) => await views.DetailAsync(await desk.FindAsync(id, ct), ct))
            .WithSummary("One incident: alerts, timeline, notifications, action items");
        incidents.MapGet("/{id}/postmortem", async (string id, IncidentDesk desk, Postmortem postmortem, CancellationToken ct) =>
            TypedResults.Text(await postmortem.WriteAsync(await desk.FindAsync(id, ct), ct), "text/markdown", System.Text.Encoding.UTF8)).WithSummary("The postmortem's beginning, as Markdown");
        Step(incidents, "acknowledge", "Somebody has it: the escalation stops", (desk, id, c, ct) => desk.AcknowledgeAsync(id, c.Role, c.Text, ct));
        Step(incidents, "assign", "Give it to a role, which is told", (desk, id, c, ct) => desk.AssignAsync(id, c.Role, c.Text, ct));
        Step(incidents, "severity", "Change its severity", (desk, id, c, ct) => desk.GradeAsync(id, c.Severity, c.Text, ct));
        Step(incidents, "note", "Write into its timeline", (desk, id, c, ct) => desk.NoteAsync(id, c.Text, ct));
        Step(incidents, "action-items", "Add what is to be done, by which role and when", (desk, id, c, ct) => desk.ActionItemAsync(id, c.Text, c.Role, c.Due, ct));
        Step(incidents, "resolve", "End it", (desk, id, c, ct) => desk.ResolveAsync(id, c.Text, ct));
        Step(incidents, "reopen", "Open it again", (desk, id, c, ct) => desk.ReopenAsync(id, c.Text, ct));
        return routes;
    }

    private static void Step(RouteGroupBuilder incidents, string step, string summary, Func<IncidentDesk, string, IncidentChange, CancellationToken, Task<Incident>> take) =>
        incidents.MapPost("/{id}/" + step, async (string id, IncidentChange? change, IncidentDesk desk, IncidentViews views, CancellationToken ct) =>
            await views.DetailAsync(await take(desk, id, change ?? new(), ct), ct)).WithSummary(summary);

    private static async Task<AlertsTaken> TakeAsync(HttpRequest request, IncidentDesk desk, CancellationToken ct)
    {
        var alerts = AlertReader.Read(await BodyAsync(request, ct));
        var changed = await desk.TakeAsync(alerts, ct);
        return new(alerts.Count, [.. changed.Select(i => i.Name).Distinct()]);
    }

    private static async Task<ContactReport> TestAsync(string? role, Notifier notifier, Recipients recipients, AuditTrail audit, CancellationToken ct)
    {
        if (role is not null && !IncidentRole.All.Contains(role)) throw new RagException(ErrorKind.Invalid, $"'{role}' is not a role.", $"Use one of {string.Join(", ", IncidentRole.All)}.");
        await audit.RecordAsync(AuditEvent.Administrative("contacts.test", role is null ? "contacts" : "role:" + role), ct);
        IReadOnlyList<string> roles = role is null ? IncidentRole.All : [role];
        var results = new List<ContactResult>();
        foreach (string tested in roles) results.AddRange((await notifier.TestAsync(tested, ct)).Select(r => new ContactResult(tested, r.Channel, r.Result.Sent, r.Result.Detail)));
        var unreachable = roles.Where(r => !recipients.Channels.Any(c => c.Serves(r))).ToList();
        return new(unreachable.Count == 0 && results.All(r => r.Sent), results, unreachable);
    }

    private static async Task<byte[]> BodyAsync(HttpRequest request, CancellationToken ct)
    {
        using var body = new MemoryStream();
        byte[] buffer = new byte[64 * 1024];
        int read;
        while ((read = await request.Body.ReadAsync(buffer, ct)) > 0)
        {
            if (body.Length + read > AlertReader.MaxBytes) throw new RagException(ErrorKind.TooLarge, $"What was posted is larger than {AlertReader.MaxBytes / 1024 / 1024} MiB.", "Lower max_alerts of Alertmanager's webhook.");
            body.Write(buffer, 0, read);
        }
        return body.ToArray();
    }

    private static bool All(string state) => state switch
    {
        "open" => false,
        "all" => true,
        _ => throw new RagException(ErrorKind.Invalid, $"'{state}' is not a state to list.", "Use open or all."),
    };
}
