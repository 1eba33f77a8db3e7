using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace Rag.App.Tests.Http;

/// <summary>Who is shown a document, over HTTP.</summary>
public sealed class PermissionsHttpTests(HttpServer server) : IClassFixture<HttpServer>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Groups_come_with_a_document_and_are_changed_by_a_call_that_returns_when_they_hold()
    {
        const string documents = "/v1/collections/permissions/documents";
        using var put = await server.Http.PostAsJsonAsync(documents, new { uri = "a.txt", text = "Salaries rise by three percent.", groups = new[] { "finance", "board", "board" } }, Cancel);
        var ingested = await HttpServer.JsonAsync(put);
        ingested.GetProperty("effective").GetBoolean().ShouldBeTrue();
        ingested.GetProperty("waiting_for").GetArrayLength().ShouldBe(0);
        string id = ingested.GetProperty("files")[0].GetProperty("id").GetString()!;
        (await GroupsAsync($"{documents}/{id}")).ShouldBe(["board", "finance"]);

        using var changed = await server.Http.PutAsJsonAsync($"{documents}/{id}/permissions", new { groups = new[] { "board" } }, Cancel);
        var permission = await HttpServer.JsonAsync(changed);
        permission.GetProperty("effective").GetBoolean().ShouldBeTrue();
        permission.GetProperty("position").GetInt64().ShouldBeGreaterThan(ingested.GetProperty("position").GetInt64());
        (await GroupsAsync($"{documents}/{id}")).ShouldBe(["board"]);

        using var everybody = await server.Http.PutAsJsonAsync($"{documents}/{id}/permissions", new { everybody = true }, Cancel);
        everybody.StatusCode.ShouldBe(HttpStatusCode.OK);
        (await GroupsAsync($"{documents}/{id}")).ShouldBeNull();
        using var deleted = await server.Http.DeleteAsync($"{documents}/{id}", Cancel);
        (await HttpServer.JsonAsync(deleted)).GetProperty("effective").GetBoolean().ShouldBeTrue();
    }

    [Fact]
    public async Task A_form_may_say_groups_anywhere_and_one_to_a_line()
    {
        const string documents = "/v1/collections/permissions/documents";
        using var form = new MultipartFormDataContent();
        form.Add(new ByteArrayContent(Encoding.UTF8.GetBytes("Salaries rise by four percent.")), "files", "b.txt");
        form.Add(new StringContent("legal team\r\nboard\n\n"), "groups");
        form.Add(new StringContent("audit"), "groups");
        using var response = await server.Http.PostAsync(documents, form, Cancel);
        string id = (await HttpServer.JsonAsync(response)).GetProperty("files")[0].GetProperty("id").GetString()!;
        (await GroupsAsync($"{documents}/{id}")).ShouldBe(["audit", "board", "legal team"]);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("{\"groups\": []}")]
    [InlineData("{\"groups\": [\"\"]}")]
    [InlineData("{\"groups\": [\"a\\u0000\"]}")]
    [InlineData("{\"groups\": [null]}")]
    [InlineData("{\"groups\": [\"a\"], \"everybody\": true}")]
    [InlineData("{\"groups\": null}")]
    public async Task A_change_that_does_not_say_who_is_refused_and_changes_nothing(string body)
    {
        const string documents = "/v1/collections/permissions/documents";
        using var put = await server.Http.PostAsJsonAsync(documents, new { uri = "c.txt", text = "Salaries rise by five percent.", groups = new[] { "finance" } }, Cancel);
        string id = (await HttpServer.JsonAsync(put)).GetProperty("files")[0].GetProperty("id").GetString()!;
        using var response = await server.Http.PutAsync($"{documents}/{id}/permissions", new StringContent(body, Encoding.UTF8, "application/json"), Cancel);
        response.StatusCode.ShouldBe(HttpStatusCode.BadRequest, await response.Content.ReadAsStringAsync(Cancel));
        (await GroupsAsync($"{documents}/{id}")).ShouldBe(["finance"]);
    }

    private async Task<string[]?> GroupsAsync(string path)
    {
        using var response = await server.Http.GetAsync(path, Cancel);
        var view = await HttpServer.JsonAsync(response);
        return view.TryGetProperty("groups", out var groups) ? groups.Deserialize<string[]>() : null;
    }
}
