using System.CommandLine;
using System.Globalization;
using Rag.Foundation;
using Rag.Foundation.Commands;
using Spectre.Console;

namespace Rag.Access;

internal static class AccessCommands
{
    private const string Grants = "/admin/v1/access/grants", Keys = "/admin/v1/keys";

    public static void AddAccess(this RootCommand root, CommandContext context)
    {
        root.Add(new Command("keys", "Keys for programs and people.") { Create(context), ListKeys(context), Rotate(context), Revoke(context) });
        root.Add(new Command("access", "Who may do what.")
        {
            new Command("grants", "Roles that users, groups and keys have.") { ListGrants(context), Grant(context, "add"), Remove(context) },
            Grant(context, "grant"),
            Who(context),
        });
    }

    private static Argument<string> Id(string what) => new("ID") { Description = what };

    private static Command Create(CommandContext context)
    {
        var name = new Argument<string>("NAME") { Description = "What the key is for." };
        var roles = new Option<string[]>("--role") { Description = $"{string.Join(", ", AccessText.Roles)}; may be repeated.", Required = true };
        var collections = new Option<string[]>("--collection") { Description = "Limits reader and writer to a collection; may be repeated." };
        var groups = new Option<string[]>("--group") { Description = "A group whose documents and grants the key has; may be repeated." };
        var owner = new Option<string?>("--owner") { Description = "Whose it is (default: yours)." };
        var expires = new Option<string?>("--expires") { Description = "How long it holds, such as 90d." };
        var perMinute = new Option<int?>("--per-minute") { Description = "Requests a minute in the place of Access:Limits:PerMinute." };
        var perDay = new Option<int?>("--questions-per-day") { Description = "Questions a day in the place of Access:Limits:QuestionsPerDay." };
        var command = new Command("create", "Make a key. It is shown once and kept nowhere.") { name, roles, collections, groups, owner, expires, perMinute, perDay };
        context.Bind(command, async (parse, api, ct) =>
        {
            var wanted = new NewKey(parse.GetValue(name), parse.GetValue(roles), parse.GetValue(collections), parse.GetValue(groups), parse.GetValue(owner), parse.GetValue(expires), parse.GetValue(perMinute), parse.GetValue(perDay));
            return Issued(context, parse, await api.PostAsync(Keys, wanted, AccessJson.Default.NewKey, AccessJson.Default.KeyIssued, ct));
        });
        return command;
    }

    private static Command ListKeys(CommandContext context)
    {
        var command = new Command("list", "Keys with their roles, ends and last uses.");
        context.Bind(command, async (parse, api, ct) =>
        {
            var list = await api.GetAsync(Keys, AccessJson.Default.KeyList, ct);
            if (context.TryJson(parse, list, AccessJson.Default.KeyList)) return 0;
            if (list.Keys.Count == 0) context.Out.WriteLine("There is no key. 'rag keys create NAME --role ROLE' makes one.");
            foreach (var k in list.Keys)
                Console.Out.WriteLine($"{k.Id}  {k.State,-7}  {k.Name}  [{string.Join(", ", k.Roles)}]  of {k.Owner}, until {Day(k.ExpiresAt)}, {(k.LastUsedAt is { } used ? $"last used {Minute(used)}" : "never used")}");
            return 0;
        });
        return command;
    }

    private static Command Rotate(CommandContext context)
    {
        var id = Id("As 'rag keys list' shows it.");
        var overlap = new Option<string?>("--overlap") { Description = "How long the secret before goes on (default: 24h; 0s ends it now)." };
        var expires = new Option<string?>("--expires") { Description = "How long the key holds from now (default: as long as before)." };
        var command = new Command("rotate", "Give a key a new secret; the one before goes on for a while.") { id, overlap, expires };
        context.Bind(command, async (parse, api, ct) => Issued(context, parse, await api.PostAsync(
            $"{Keys}/{Uri.EscapeDataString(parse.GetValue(id)!)}/rotate", new(parse.GetValue(overlap), parse.GetValue(expires)), AccessJson.Default.RotateKey, AccessJson.Default.KeyIssued, ct)));
        return command;
    }

    private static Command Revoke(CommandContext context)
    {
        var id = Id("As 'rag keys list' shows it.");
        var command = new Command("revoke", "End a key, on every replica.") { id };
        context.Bind(command, async (parse, api, ct) =>
        {
            var changed = await api.DeleteAsync($"{Keys}/{Uri.EscapeDataString(parse.GetValue(id)!)}", AccessJson.Default.KeyChanged, ct);
            if (!context.TryJson(parse, changed, AccessJson.Default.KeyChanged)) context.Out.MarkupLineInterpolated($"{changed.Key.Id} ({changed.Key.Name}) is revoked. {Effect(changed.Effective, changed.WaitingFor)}");
            return changed.Effective ? 0 : 1;
        });
        return command;
    }

    private static Command ListGrants(CommandContext context)
    {
        var command = new Command("list", "Roles that hold, by user, group and key.");
        context.Bind(command, async (parse, api, ct) =>
        {
            var list = await api.GetAsync(Grants, AccessJson.Default.GrantList, ct);
            if (context.TryJson(parse, list, AccessJson.Default.GrantList)) return 0;
            if (list.Grants.Count == 0) context.Out.WriteLine("Nothing is granted. 'rag access grant --user NAME --role ROLE' gives a role.");
            foreach (var g in list.Grants) Console.Out.WriteLine($"{g.Id}  {g.PrincipalKind} {g.Principal}{(g.Name is null ? "" : $" ({g.Name})")}  {g.Role}{(g.Collection is null ? "" : $":{g.Collection}")}  by {g.CreatedBy} {Day(g.CreatedAt)}{(g.ExpiresAt is { } ends ? $", until {Minute(ends)}" : "")}");
            return 0;
        });
        return command;
    }

    private static Command Grant(CommandContext context, string verb)
    {
        var (user, group, key) = (new Option<string?>("--user") { Description = "The user's subject at the provider of single sign-on." }, new Option<string?>("--group") { Description = "A group of users or keys." }, new Option<string?>("--key-id") { Description = "A key, by its id." });
        var role = new Option<string>("--role") { Description = $"{string.Join(", ", AccessText.Roles)}.", Required = true };
        var collection = new Option<string?>("--collection") { Description = "Limits reader or writer to a collection." };
        var expires = new Option<string?>("--expires") { Description = "How long it holds, such as 30d (default: until it is removed)." };
        var command = new Command(verb, verb == "add" ? "Give a role to a user, a group or a key." : "The same as 'grants add'.") { user, group, key, role, collection, expires };
        context.Bind(command, async (parse, api, ct) =>
        {
            var given = new[] { ("user", parse.GetValue(user)), ("group", parse.GetValue(group)), ("key", parse.GetValue(key)) }.Where(p => p.Item2 is not null).ToList();
            if (given.Count != 1) throw new RagException(ErrorKind.Invalid, given.Count == 0 ? "Nobody is named." : "Several are named.", "Give one of --user, --group and --key-id.");
            var changed = await api.PostAsync(Grants, new(given[0].Item1, given[0].Item2, parse.GetValue(role), parse.GetValue(collection), parse.GetValue(expires)), AccessJson.Default.NewGrant, AccessJson.Default.GrantChanged, ct);
            return Changed(context, parse, changed, "has now");
        });
        return command;
    }

    private static Command Remove(CommandContext context)
    {
        var id = Id("As 'rag access grants list' shows it.");
        var command = new Command("remove", "Take a role away, on every replica.") { id };
        context.Bind(command, async (parse, api, ct) => Changed(context, parse, await api.DeleteAsync($"{Grants}/{Uri.EscapeDataString(parse.GetValue(id)!)}", AccessJson.Default.GrantChanged, ct), "no longer has"));
        return command;
    }

    private static Command Who(CommandContext context)
    {
        var command = new Command("whoami", "Who the server takes you for, and what you may do.");
        context.Bind(command, async (parse, api, ct) =>
        {
            var me = await api.GetAsync("/v1/me", AccessJson.Default.WhoAmI, ct);
            if (!context.TryJson(parse, me, AccessJson.Default.WhoAmI)) context.Out.MarkupLineInterpolated($"{me.Kind} {me.Name}: {string.Join(", ", me.Roles)}{(me.Groups.Count > 0 ? $"; groups {string.Join(", ", me.Groups)}" : "")}");
            return 0;
        });
        return command;
    }

    private static int Issued(CommandContext context, ParseResult parse, KeyIssued issued)
    {
        if (context.TryJson(parse, issued, AccessJson.Default.KeyIssued)) return issued.Effective ? 0 : 1;
        // The key alone on standard output, so that it can be put into a file without being seen.
        Console.Out.WriteLine(issued.Secret);
        context.Remarks.MarkupLineInterpolated($"{issued.Key.Id} ({issued.Key.Name}): {string.Join(", ", issued.Key.Roles)}, until {Day(issued.Key.ExpiresAt)}. It is not shown again. {Effect(issued.Effective, issued.WaitingFor)}");
        if (issued.Key.OldSecretUntil is { } until) context.Remarks.MarkupLineInterpolated($"The secret before holds until {Minute(until)} UTC.");
        return issued.Effective ? 0 : 1;
    }

    private static int Changed(CommandContext context, ParseResult parse, GrantChanged changed, string verb)
    {
        if (!context.TryJson(parse, changed, AccessJson.Default.GrantChanged))
            context.Out.MarkupLineInterpolated($"{changed.Grant.PrincipalKind} {changed.Grant.Principal} {verb} {changed.Grant.Role}{(changed.Grant.Collection is { } c ? $" in {c}" : "")}. {Effect(changed.Effective, changed.WaitingFor)}");
        return changed.Effective ? 0 : 1;
    }

    private static string Effect(bool effective, IReadOnlyList<string> waitingFor) => effective ? "It holds on every replica." : $"Not yet everywhere: {string.Join(", ", waitingFor)} had not taken it after 5 s.";

    private static string Day(DateTimeOffset at) => at.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    private static string Minute(DateTimeOffset at) => at.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture);
}
