using System.CommandLine;
using System.Globalization;
using Rag.Foundation;
using Rag.Foundation.Commands;
using Spectre.Console;

namespace Rag.Slo.Scaling;

/// <summary><c>rag scale</c>: how many replicas there are, may be and should be.</summary>
internal static class ScaleCommands
{
    private const string Route = "/admin/v1/scale", Approvals = "/admin/v1/scale/approvals";

    public static void AddScale(this RootCommand root, CommandContext context)
    {
        var status = new Command("status", "Replicas, their bounds, and the approvals that hold.");
        context.Bind(status, async (parse, api, ct) =>
        {
            var answer = await api.GetAsync(Route, SloJson.Default.ScaleStatus, ct);
            if (!context.TryJson(parse, answer, SloJson.Default.ScaleStatus)) Print(context.Out, answer);
            return 0;
        });

        var recommend = new Command("recommend", "How many replicas the scaling guidelines ask for, from what the replicas use: the number that the autoscaler comes to.");
        context.Bind(recommend, async (parse, api, ct) =>
        {
            var answer = (await api.GetAsync(Route, SloJson.Default.ScaleStatus, ct)).Recommendation;
            if (!context.TryJson(parse, answer, SloJson.Default.ScaleRecommendation)) Print(context.Out, answer);
            return 0;
        });

        var max = new Option<int?>("--max") { Description = $"The most replicas meanwhile, {ScaleApprovals.MaxReplicas + 1} to {ScaleApprovals.MostReplicas}." };
        var min = new Option<int?>("--min") { Description = "The least replicas meanwhile: what a person scaled to stays." };
        var reason = new Option<string>("--reason") { Description = "Why.", Required = true };
        var owner = new Option<string?>("--owner") { Description = "Who answers for it (default: whoever approves)." };
        var length = new Option<string>("--for") { Description = "How long it holds, such as 8h; 1m to 30d.", Required = true };
        var approve = new Command("approve", $"Let more than {ScaleApprovals.MaxReplicas} replicas run, or at least so many, for a time; on the audit record.") { max, min, reason, owner, length };
        context.Bind(approve, async (parse, api, ct) =>
        {
            var wanted = new ApproveScale(parse.GetValue(max), parse.GetValue(min), parse.GetValue(reason)!, parse.GetValue(length)!, parse.GetValue(owner));
            var approval = await api.PostAsync(Approvals, wanted, SloJson.Default.ApproveScale, SloJson.Default.ScaleApproval, ct);
            if (context.TryJson(parse, approval, SloJson.Default.ScaleApproval)) return 0;
            Print(context.Out, approval);
            context.Out.WriteLine("On Kubernetes the scale keeper carries it into the cluster within a minute.");
            return 0;
        });

        var approvals = new Command("approvals", "All approvals, the newest first.");
        context.Bind(approvals, async (parse, api, ct) =>
        {
            var list = await api.GetAsync(Approvals, SloJson.Default.ScaleApprovalList, ct);
            if (context.TryJson(parse, list, SloJson.Default.ScaleApprovalList)) return 0;
            foreach (var approval in list.Approvals) Print(context.Out, approval);
            if (list.Approvals.Count == 0) context.Out.WriteLine("Nothing was approved.");
            return 0;
        });

        var id = new Argument<string>("ID") { Description = "Of the approval." };
        var withdraw = new Command("withdraw", "End an approval before its time.") { id };
        context.Bind(withdraw, async (parse, api, ct) =>
        {
            var approval = await api.DeleteAsync($"{Approvals}/{Uri.EscapeDataString(parse.GetValue(id)!)}", SloJson.Default.ScaleApproval, ct);
            if (!context.TryJson(parse, approval, SloJson.Default.ScaleApproval)) Print(context.Out, approval);
            return 0;
        });

        var kubernetes = new Option<string?>("--kubernetes") { Description = "Address of the cluster's API (default: that of the cluster which this runs in)." };
        var credentials = new Option<string>("--credentials") { Description = "Folder with token, namespace and ca.crt.", DefaultValueFactory = _ => KubernetesApi.DefaultFolder };
        var keep = new Command("keep", "Carry what is approved into the cluster, once: the ceiling and the autoscaler's bounds. Exit code 1 where the service could not be asked.") { kubernetes, credentials };
        context.Bind(keep, async (parse, api, ct) =>
        {
            ScaleBounds? approved = null;
            string? problem = null;
            try
            {
                approved = (await api.GetAsync(Route, SloJson.Default.ScaleStatus, ct)).Bounds;
            }
            catch (RagException e) when (e.Kind is ErrorKind.Unavailable or ErrorKind.Overloaded or ErrorKind.TooMany or ErrorKind.Unauthenticated or ErrorKind.Forbidden)
            {
                problem = e.Message;
            }
            using var cluster = KubernetesApi.Open(parse.GetValue(kubernetes), parse.GetValue(credentials)!);
            var kept = await new ScaleKeeper(cluster, TimeProvider.System).KeepAsync(approved, ct) with { Problem = problem };
            if (!context.TryJson(parse, kept, SloJson.Default.ScaleKept)) Print(context.Out, kept);
            return kept.Problem is null ? 0 : 1;
        });

        root.Add(new Command("scale", "How many replicas there are, may be and should be.") { status, recommend, approve, approvals, withdraw, keep });
    }

    private static void Print(IAnsiConsole console, ScaleStatus status)
    {
        console.MarkupLineInterpolated($"{status.Replicas} replicas run; {status.Bounds.Min} to {status.Bounds.Max} may.");
        Print(console, status.Recommendation);
        foreach (var approval in status.Approvals) Print(console, approval);
    }

    private static void Print(IAnsiConsole console, ScaleRecommendation advice)
    {
        string colour = advice.Direction switch { ScaleRecommendation.Stay => "green", ScaleRecommendation.Unknown => "grey", _ => "yellow" };
        string what = advice.Direction switch { ScaleRecommendation.Unknown => "nobody can say yet", ScaleRecommendation.Stay => $"stay at {advice.Replicas}", _ => $"{advice.Direction} from {advice.Replicas} to {advice.Recommended}" };
        console.MarkupLine($"Recommended: [{colour}]{Markup.Escape(what)}[/]");
        console.MarkupLineInterpolated($"  {advice.Reason}");
    }

    private static void Print(IAnsiConsole console, ScaleApproval a)
    {
        string what = (a.MaxReplicas, a.MinReplicas) switch { ({ } most, { } least) => $"{least} to {most} replicas", ({ } most, null) => $"up to {most} replicas", (null, var least) => $"at least {least} replicas" };
        console.MarkupLineInterpolated($"{a.Id}  {a.State,-9}  {what} until {a.ExpiresAt.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture)} UTC");
        console.MarkupLineInterpolated($"  {a.Reason} ({a.Owner}; approved by {a.ApprovedBy})");
    }

    private static void Print(IAnsiConsole console, ScaleKept kept)
    {
        if (kept.Problem is { } problem) console.MarkupLineInterpolated($"[yellow]What is approved could not be asked:[/] {problem}");
        console.WriteLine(kept.Changed.Count == 0 ? string.Create(CultureInfo.InvariantCulture, $"The autoscaler goes from {kept.MinReplicas} to {kept.MaxReplicas}; nothing was changed.") : $"Changed: {string.Join("; ", kept.Changed)}.");
    }
}
