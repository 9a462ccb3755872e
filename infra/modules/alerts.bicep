// What nobody may overlook: audio that is lost, or will be. The streamer logs its vital signs each minute
// (streamer/vitals.py), since nothing in Azure reads its /metrics.

import { Tags } from '../types.bicep'

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags Tags

@description('Name of the Log Analytics workspace.')
param workspaceName string

@description('Name of the action group.')
param actionGroupName string

@description('Who is told; empty: alerts are only shown in the portal.')
param email string

@description('Name of the streamer\'s container app.')
param streamerName string

@description('Name of the Event Grid system topic.')
param topicName string

@description('Seconds that an upload may wait before it is told.')
param backlogSeconds int

// Each query gives rows of TimeGenerated and value; an alert is raised when their total, or the greatest,
// within a quarter of an hour is more than the threshold.
func vital(streamer string, name string) string =>
  join(
    [
      'ContainerAppConsoleLogs'
      '| where ContainerAppName == \'${streamer}\' and Log has \'streamer.vitals\''
      '| extend vitals = parse_json(extract(@\'(\\{.*\\})\', 1, Log))'
      '| project TimeGenerated, value = todouble(vitals.${name})'
    ],
    '\n'
  )

@description('The alerts that are made of logs.')
var rules = [
  {
    name: 'frames-lost'
    severity: 1
    text: 'Audio was lost: frames could not be written to the spool, or came too late to be placed.'
    query: vital(streamerName, 'frames_lost')
    aggregation: 'Total'
    threshold: 0
  }
  {
    name: 'streams-turned-away'
    severity: 1
    text: 'Streams were turned away because a replica was full: raise minReplicas or maxReplicas.'
    query: vital(streamerName, 'turned_away')
    aggregation: 'Total'
    threshold: 0
  }
  {
    name: 'handshakes-refused'
    severity: 2
    text: 'Many handshakes were refused for another reason: a wrong ACS_TOKEN_AUDIENCE, or somebody who tries.'
    query: vital(streamerName, 'handshakes_refused')
    aggregation: 'Total'
    threshold: 20
  }
  {
    name: 'upload-backlog'
    severity: 2
    text: 'Finished segments wait in the spool: Blob Storage does not take them.'
    query: vital(streamerName, 'oldest_upload_seconds')
    aggregation: 'Maximum'
    threshold: backlogSeconds
  }
  {
    name: 'uploads-put-aside'
    severity: 1
    text: 'The streamer put files aside: Blob Storage holds others of their names.'
    query: vital(streamerName, 'uploads_rejected')
    aggregation: 'Total'
    threshold: 0
  }
  {
    name: 'poison-segments'
    severity: 1
    text: 'A segment or manifest failed in every try; if the last one fails, too, /api/failures tells why.'
    // Each run of the poison queue's function is one; requests are never sampled (host.json), traces are.
    query: 'AppRequests | where Name == \'give_up_on_blob\' | project TimeGenerated, value = 1.0'
    aggregation: 'Total'
    threshold: 0
  }
  {
    name: 'incoming-calls-failed'
    severity: 1
    text: 'A call that was to be answered was not: ACS or Blob Storage failed.'
    // The function has failed; requests are never sampled (host.json), traces are.
    query: 'AppRequests | where Name == \'answer_incoming_call\' and Success == false | project TimeGenerated, value = 1.0'
    aggregation: 'Total'
    threshold: 0
  }
]

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' existing = {
  name: workspaceName
}

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: topicName
}

resource actionGroup 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(email)) {
  name: actionGroupName
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'calls'
    enabled: true
    emailReceivers: [
      {
        name: 'operator'
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
  }
}

resource logAlerts 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = [
  for rule in rules: {
    name: rule.name
    location: location
    tags: tags
    properties: {
      displayName: rule.name
      description: rule.text
      severity: rule.severity
      enabled: true
      scopes: [workspace.id]
      evaluationFrequency: 'PT5M'
      windowSize: 'PT15M'
      autoMitigate: true
      // The tables come with the first lines that are logged.
      skipQueryValidation: true
      criteria: {
        allOf: [
          {
            query: rule.query
            metricMeasureColumn: 'value'
            timeAggregation: rule.aggregation
            operator: 'GreaterThan'
            threshold: rule.threshold
            failingPeriods: {
              numberOfEvaluationPeriods: 1
              minFailingPeriodsToAlert: 1
            }
          }
        ]
      }
      actions: { actionGroups: empty(email) ? [] : [actionGroup.id] }
    }
  }
]

resource deadLettered 'Microsoft.Insights/metricAlerts@2026-01-01' = {
  name: 'events-dead-lettered'
  location: 'global'
  tags: tags
  properties: {
    description: 'Event Grid gave up on events: the function app was told of no such segments.'
    severity: 1
    enabled: true
    scopes: [topic.id]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    autoMitigate: true
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'dead-lettered'
          criterionType: 'StaticThresholdCriterion'
          metricName: 'DeadLetteredCount'
          timeAggregation: 'Total'
          operator: 'GreaterThan'
          threshold: 0
        }
      ]
    }
    actions: empty(email) ? [] : [{ actionGroupId: actionGroup.id }]
  }
}
