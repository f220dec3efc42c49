"""Visits a sandbox with FuelSDK and says what it saw, as one JSON object. Runs in .clients/fuel."""

import json
import sys

from FuelSDK import ET_BounceEvent, ET_Client, ET_DataExtension, ET_DataExtension_Row, ET_Subscriber

ready = json.loads(sys.argv[1])
client = ET_Client(
    False,
    False,
    {
        "clientid": ready["client_id"],
        "clientsecret": ready["client_secret"],
        "authenticationurl": ready["url"],
        "baseapiurl": ready["url"],
        "soapendpoint": ready["url"] + "/Service.asmx",
        "defaultwsdl": ready["url"] + "/etframework.wsdl",
        "wsdl_file_local_loc": sys.argv[2],
        "useOAuth2Authentication": "True",
        "accountId": str(ready["accounts"][1]["mid"]),
        "applicationType": "server",
    },
)
seen = {}
bounces = ET_BounceEvent()
bounces.auth_stub = client
bounces.props = ["SendID", "SubscriberKey", "EventDate", "SMTPCode", "SMTPReason"]
bounces.search_filter = {
    "Property": "EventDate",
    "SimpleOperator": "greaterThan",
    "DateValue": "2020-01-01T00:00:00",
}
page = bounces.get()
rows = list(page.results)
while page.more_results:
    page = bounces.getMoreResults()
    rows += page.results
seen["bounces"] = len({(r.SendID, r.SubscriberKey, str(r.EventDate)) for r in rows})

extension = ET_DataExtension()
extension.auth_stub = client
extension.props = {"Name": "fuel", "CustomerKey": "fuel"}
extension.columns = [
    {"Name": "Id", "FieldType": "Number", "IsPrimaryKey": "true", "IsRequired": "true"},
    {"Name": "Note", "FieldType": "Text", "MaxLength": "20"},
]
seen["created"] = extension.post().results[0].StatusMessage
row = ET_DataExtension_Row()
row.auth_stub = client
row.CustomerKey = "fuel"
row.props = {"Id": "1", "Note": "x"}
seen["row"] = row.post().results[0].StatusCode
row.props = ["Id", "Note"]
seen["read"] = [p.Value for p in row.get().results[0].Properties.Property]

person = ET_Subscriber()
person.auth_stub = client
person.props = {"SubscriberKey": "fuel-1", "EmailAddress": "fuel-1@gmail.com"}
seen["person"] = person.post().results[0].StatusMessage
seen["again"] = person.post().results[0].ErrorCode
seen["described"] = len(bounces.info().results[0].Properties)
print(json.dumps(seen))  # noqa: T201
