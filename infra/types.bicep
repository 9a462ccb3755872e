// What more than one template takes.

@export()
@description('Tags of every resource: how azd finds its environment\'s.')
type Tags = {
  @description('Name of the azd environment.')
  'azd-env-name': string
}

@export()
@description('Settings of a program: environment variables.')
type Settings = {
  @description('A setting\'s value.')
  *: string
}
