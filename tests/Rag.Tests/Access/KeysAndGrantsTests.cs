using Dapper;
using Microsoft.Extensions.Time.Testing;
using Rag.Access;
using Rag.Foundation;
using Rag.Storage;
using static Rag.Tests.TestService;

namespace Rag.Tests.Access;

public sealed class KeysAndGrantsTests
{
    public static TheoryData<Engine> Engines => new(Engine.Sqlite, Engine.Postgres);

    [Theory, MemberData(nameof(Engines))]
    public async Task A_key_opens_what_it_was_granted_and_nothing_once_it_is_revoked(Engine engine)
    {
        await using var service = await AccessTestService.StartAsync(engine);
        var handbook = await service.CollectionAsync("handbook");
        var other = await service.CollectionAsync("other");
        var issued = await service.KeyAsync("writer", "handbook");
        issued.Effective.ShouldBeTrue();
        issued.Key.Roles.ShouldBe(["writer:handbook"]);
        var caller = service.Open(issued.Secret).ShouldNotBeNull();
        (caller.Kind, caller.Id, caller.Name, caller.Address).ShouldBe(("key", issued.Key.Id, "test", "192.0.2.1"));
        (caller.MayRead(handbook.Id), caller.MayWrite(handbook.Id), caller.MayRead(other.Id), caller.Has(Role.Operator), caller.IsAdmin).ShouldBe((true, true, false, false, false));
        (await service.Get<ApiKeys>().RevokeAsync(issued.Key.Id, Cancel)).Effective.ShouldBeTrue();
        service.Open(issued.Secret).ShouldBeNull();
        (await service.Get<Grants>().ListAsync(Cancel)).ShouldBeEmpty();
        (await Should.ThrowAsync<RagException>(service.Get<ApiKeys>().RevokeAsync(issued.Key.Id, Cancel))).Kind.ShouldBe(ErrorKind.Conflict);
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task Of_a_key_the_record_holds_nothing_that_opens(Engine engine)
    {
        await using var service = await AccessTestService.StartAsync(engine);
        var issued = await service.KeyAsync("reader");
        await using var connection = await service.Get<Database>().OpenAsync(Cancel);
        string secret = issued.Secret[13..];
        var row = (IDictionary<string, object>)await connection.QuerySingleAsync("SELECT * FROM api_keys");
        row.Values.Select(v => v?.ToString() ?? "").ShouldNotContain(v => v.Contains(secret, StringComparison.Ordinal));
        row["secret_hash"].ShouldBe(ApiKey.HashText(secret));
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_key_ends_and_is_given_a_new_secret_beside_the_old_one(Engine engine)
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero)) { AutoAdvanceAmount = TimeSpan.Zero };
        await using var service = await AccessTestService.StartAsync(engine, time: time);
        var first = await service.KeyAsync("reader", expires: "10d");
        var second = await service.Get<ApiKeys>().RotateAsync(first.Key.Id, new("2h"), Cancel);
        second.Secret.ShouldNotBe(first.Secret);
        second.Key.OldSecretUntil.ShouldBe(time.GetUtcNow().AddHours(2));
        (service.Open(first.Secret) is not null, service.Open(second.Secret) is not null).ShouldBe((true, true));
        time.Advance(TimeSpan.FromHours(2));
        await service.Get<AccessDirectory>().RefreshAsync(Cancel);
        (service.Open(first.Secret) is not null, service.Open(second.Secret) is not null).ShouldBe((false, true));
        var third = await service.Get<ApiKeys>().RotateAsync(first.Key.Id, new("0s"), Cancel);
        (service.Open(second.Secret) is not null, service.Open(third.Secret) is not null).ShouldBe((false, true));
        third.Key.ExpiresAt.ShouldBe(time.GetUtcNow().AddDays(10));
        time.Advance(TimeSpan.FromDays(10));
        await service.Get<AccessDirectory>().RefreshAsync(Cancel);
        service.Open(third.Secret).ShouldBeNull();
        (await service.Get<ApiKeys>().GetAsync(first.Key.Id, Cancel)).State.ShouldBe("expired");
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task Grants_of_a_group_are_those_of_its_users_and_keys_until_they_end(Engine engine)
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
        await using var service = await AccessTestService.StartAsync(engine, time: time);
        var handbook = await service.CollectionAsync("handbook");
        var key = await service.KeyAsync("auditor", groups: ["staff", "b", "a"]);
        var grant = await service.Get<Grants>().AddAsync(new("group", "staff", "reader", "handbook", "1h"), Cancel);
        grant.Grant.Collection.ShouldBe("handbook");
        service.Open(key.Secret)!.Groups.ShouldBe(["a", "b", "staff"]);
        service.Open(key.Secret)!.MayRead(handbook.Id).ShouldBeTrue();
        Alice().MayRead(handbook.Id).ShouldBeTrue();
        await service.Get<Grants>().AddAsync(new("user", "alice", "operator"), Cancel);
        (Alice().Has(Role.Operator), service.Open(key.Secret)!.Has(Role.Operator)).ShouldBe((true, false));
        time.Advance(TimeSpan.FromHours(1));
        await service.Get<AccessDirectory>().RefreshAsync(Cancel);
        (Alice().MayRead(handbook.Id), service.Open(key.Secret)!.MayRead(handbook.Id)).ShouldBe((false, false));

        Caller Alice() => service.Get<AccessDirectory>().Current.Resolve("user", "alice", "Alice", ["staff"], time.Microseconds()).Caller;
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task What_cannot_be_granted_is_said(Engine engine)
    {
        await using var service = await AccessTestService.StartAsync(engine);
        var (grants, keys) = (service.Get<Grants>(), service.Get<ApiKeys>());
        await grants.AddAsync(new("user", "alice", "reader"), Cancel);
        foreach (var (wanted, kind) in new (NewGrant, ErrorKind)[]
        {
            (new("user", "alice", "reader"), ErrorKind.Conflict), (new("user", "alice", "king"), ErrorKind.Invalid), (new("nobody", "alice", "reader"), ErrorKind.Invalid), (new("user", " ", "reader"), ErrorKind.Invalid),
            (new("user", "a\nb", "reader"), ErrorKind.Invalid), (new("user", "alice", "operator", "default"), ErrorKind.Invalid), (new("user", "bob", "reader", "nowhere"), ErrorKind.NotFound),
            (new("key", "nokey", "reader"), ErrorKind.NotFound), (new("user", "bob", "reader", null, "1y"), ErrorKind.Invalid),
        }) (await Should.ThrowAsync<RagException>(grants.AddAsync(wanted, Cancel))).Kind.ShouldBe(kind, wanted.ToString());
        foreach (var wanted in new NewKey[]
        {
            new("", ["reader"]), new("x", []), new("x", ["king"]), new("x", ["operator"], ["default"]), new("x", ["reader"], Expires: "9999d"), new("x", ["reader"], PerMinute: 0), new(new string('x', 300), ["reader"]),
        }) (await Should.ThrowAsync<RagException>(keys.CreateAsync(wanted, Cancel))).Kind.ShouldBe(ErrorKind.Invalid, wanted.ToString());
        (await Should.ThrowAsync<RagException>(grants.RemoveAsync("none", Cancel))).Kind.ShouldBe(ErrorKind.NotFound);
        (await Should.ThrowAsync<RagException>(keys.RotateAsync("none", new(), Cancel))).Kind.ShouldBe(ErrorKind.NotFound);
        // Nothing of what failed is there.
        (await grants.ListAsync(Cancel)).Count.ShouldBe(1);
        (await keys.ListAsync(Cancel)).ShouldBeEmpty();
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task The_last_use_is_written_behind(Engine engine)
    {
        await using var service = await AccessTestService.StartAsync(engine);
        var issued = await service.KeyAsync("reader");
        (await service.Get<ApiKeys>().GetAsync(issued.Key.Id, Cancel)).LastUsedAt.ShouldBeNull();
        service.Open(issued.Secret).ShouldNotBeNull();
        await service.Get<LastUse>().FlushAsync(Cancel);
        (await service.Get<ApiKeys>().GetAsync(issued.Key.Id, Cancel)).LastUsedAt.ShouldNotBeNull();
    }

    [Fact]
    public async Task What_one_replica_takes_away_is_gone_on_the_other_when_the_call_returns()
    {
        await using var record = await TestRecord.CreateAsync(Engine.Postgres);
        await using var one = await AccessTestService.StartAsync(Engine.Postgres, record, null, ("Server:ReplicaName", "one"));
        await using var two = await AccessTestService.StartAsync(Engine.Postgres, record, null, ("Server:ReplicaName", "two"));
        for (int i = 0; i < 20; i++)
        {
            var issued = await one.KeyAsync("reader");
            issued.Effective.ShouldBeTrue(string.Join(", ", issued.WaitingFor));
            two.Open(issued.Secret).ShouldNotBeNull();
            var grant = (await two.Get<Grants>().ListAsync(Cancel)).Single(g => g.Principal == issued.Key.Id);
            (await two.Get<Grants>().RemoveAsync(grant.Id, Cancel)).Effective.ShouldBeTrue();
            one.Open(issued.Secret)!.Has(Role.Reader).ShouldBeFalse();
            (await one.Get<ApiKeys>().RevokeAsync(issued.Key.Id, Cancel)).Effective.ShouldBeTrue();
            two.Open(issued.Secret).ShouldBeNull();
        }
    }

    [Fact]
    public async Task A_replica_that_hears_nothing_is_named_by_who_waits_for_it()
    {
        await using var record = await TestRecord.CreateAsync(Engine.Postgres);
        await using var one = await AccessTestService.StartAsync(Engine.Postgres, record, null, ("Server:ReplicaName", "one"));
        await using var connection = await one.Get<Database>().OpenAsync(Cancel);
        await connection.ExecuteAsync("INSERT INTO followers (id, subject, name, position, seen_at) VALUES ('deaf', 'access', 'deaf', 0, @now)", new { now = TimeProvider.System.Microseconds() });
        var issued = await one.KeyAsync("reader");
        issued.Effective.ShouldBeFalse();
        issued.WaitingFor.ShouldBe(["deaf"]);
        one.Open(issued.Secret).ShouldNotBeNull();

    }

    [Fact]
    public async Task Without_the_record_a_replica_goes_on_for_a_while_and_then_refuses()
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
        await using var postgres = await Rag.Testing.PostgresServer.StartAsync(Cancel);
        await using var service = await TestService.StartAsync(time: time, settings: new()
        {
            ["Access:Mode"] = "keys", ["Access:StaleLimitMinutes"] = "30", ["Storage:Provider"] = "postgres", ["Storage:Postgres:ConnectionString"] = postgres.ConnectionString(), ["Storage:Postgres:MaxPoolSize"] = "4",
            ["Audit:KeyFile"] = Rag.Testing.AuditKeyFile.Shared,
        });
        var issued = await service.KeyAsync("reader");
        await postgres.KillAsync();
        time.Advance(TimeSpan.FromMinutes(29));
        service.Open(issued.Secret).ShouldNotBeNull();
        time.Advance(TimeSpan.FromMinutes(2));
        Should.Throw<RagException>(() => service.Open(issued.Secret)).Kind.ShouldBe(ErrorKind.Unavailable);
    }
}
